"""The real Swift from PyPI in an environment of its own: proxy, account, container and object server, and memcached.

with swift(directory) as server:
    tempauth at server.auth_url, user server.user, key server.key ...
    server.kill()           # at once, unasked
    server.start()          # on the same data and ports

With a Keystone, its users sign in too (`server.keystone`). Its data are kept in a directory of a file system with
extended attributes.
"""

import contextlib
import dataclasses
import json
import os
import secrets
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.starters.base import Missing, debian, free_port, process, wait_until
from tests.starters.environments import environment
from tests.starters.keystone import Keystone
from tests.starters.keystone_people import PASSWORD, add_endpoints, caller

USER, KEY = "test:tester", "testing/secret"
READER, READER_KEY = "test:reader", "reading"
RESELLER = "ResellerAdmin"
"""The role that Swift lets into every account; in the project service, glance has it there, and may list projects."""
_KINDS = ("account", "container", "object")

# Swift reads swift.conf when it is imported: it is pointed at ours before that.
_RUN = """
import importlib, sys
from swift.common import utils
utils.set_swift_dir(sys.argv.pop())
name = sys.argv.pop(1)
sys.argv[0] = f"swift-{name}-server"
sys.exit(importlib.import_module({"object": "swift.obj.server"}.get(name, f"swift.{name}.server")).main())
"""
_RINGS = """
import sys
from swift.common.ring import RingBuilder
directory, *ports = sys.argv[1:]
for port, kind in zip(map(int, ports), ("account", "container", "object")):
    builder = RingBuilder(4, 1, 1)
    builder.add_dev({"region": 1, "zone": 1, "ip": "127.0.0.1", "port": port, "device": "disk", "weight": 1.0,
                     "meta": "", "replication_ip": "127.0.0.1", "replication_port": port})
    builder.rebalance()
    builder.get_ring().save(f"{directory}/{kind}.ring.gz")
"""


@dataclasses.dataclass
class Swift:
    """A configured Swift; `start`, `stop`, `kill`, `freeze` and `thaw` may be called any number of times."""

    directory: Path
    port: int
    keystone: Keystone | None
    _bin: Path
    _inner: tuple[int, ...]
    _cache: int
    user: str = USER
    key: str = KEY
    pid: int = 0
    _running: contextlib.ExitStack = dataclasses.field(default_factory=contextlib.ExitStack)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def region(self) -> str:
        """Where Keystone's catalogue has it."""
        return f"region-{self.port}"

    @property
    def auth_url(self) -> str:
        """Where tempauth lets people in."""
        return f"{self.url}/auth/v1.0"

    def start(self) -> None:
        """Start all servers and wait until each is healthy."""
        words = ["-l", "127.0.0.1", "-p", str(self._cache), "-U", "0", "-m", "16", "-u", "root"]
        self._begin("memcached", ["memcached", *words])
        for kind in (*_KINDS, "proxy"):
            conf = self.directory / f"{kind}.conf"
            command: list[str | Path] = [self._bin / "python", "-c", _RUN, kind, conf, "-v", self.directory]
            self.pid = self._begin(kind, command)
        try:
            for port in (*self._inner, self.port):
                wait_until(partial(_answers, f"http://127.0.0.1:{port}/healthcheck"), "Swift", seconds=90)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End all; what was stored stays."""
        self.thaw()
        self._running.close()
        self.pid = 0

    kill = stop

    def freeze(self) -> None:
        """The proxy accepts connections and says nothing more."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on after `freeze`."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGCONT)

    def names(self, project: str, container: str) -> list[str]:
        """What lies in a container of a project that Keystone knows, hidden or not."""
        assert self.keystone is not None
        token = self.keystone.token("mia", project=project)
        account = f"{self.url}/v1/AUTH_{self.keystone.ids[f'project/{project}']}"
        request = urllib.request.Request(f"{account}/{container}?format=json", headers={"X-Auth-Token": token})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return [entry["name"] for entry in json.loads(answer.read())]

    def _begin(self, name: str, command: list[str | Path]) -> int:
        program = process(command, log=self.directory / f"{name}.log", cwd=self.directory, stop=signal.SIGKILL)
        return self._running.enter_context(program).pid


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextlib.contextmanager
def swift(directory: Path, identity: Keystone | None = None, *, token_seconds: int = 86400) -> Iterator[Swift]:
    """A Swift with its data in `directory` until the block ends; tempauth's tokens last so many seconds.

    `identity` gets an endpoint of it. Raises `Missing`.
    """
    debian(["memcached"], "the real Swift keeps tokens there", provides=["memcached"])
    binaries = environment("swift")
    directory = directory.resolve()
    (directory / "data" / "disk").mkdir(parents=True, exist_ok=True)
    inner, port, cache = tuple(free_port() for _ in _KINDS), free_port(), free_port()
    random = secrets.token_hex(8)
    (directory / "swift.conf").write_text(
        f"[swift-hash]\nswift_hash_path_prefix = {random}\nswift_hash_path_suffix = {random}\n"
        "[storage-policy:0]\nname = one\ndefault = yes\n"
    )
    made = subprocess.run(
        [binaries / "python", "-c", _RINGS, directory, *map(str, inner)], capture_output=True, text=True, check=False
    )
    if made.returncode:
        raise Missing(f"Swift's rings could not be made: {made.stderr.strip()[-500:]}")
    for kind, inner_port in zip(_KINDS, inner, strict=True):
        (directory / f"{kind}.conf").write_text(_storage(directory, kind, inner_port))
    (directory / "proxy.conf").write_text(_proxy(directory, port, cache, identity, token_seconds))
    server = Swift(directory, port, identity, binaries, inner, cache)
    if identity is not None:
        _tell(identity, server)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory / "data", ignore_errors=True)


def _tell(identity: Keystone, server: Swift) -> None:
    """Make Keystone's catalogue name this Swift, in a region of its own: others may use the same Keystone."""
    with caller(identity.url, identity.token("root", project="ops")) as call:
        call("POST", "/regions", {"region": {"id": server.region}})
        made = call("POST", "/services", {"service": {"type": "object-store", "name": "swift"}})
        add_endpoints(call, made["service"]["id"], server.region, f"{server.url}/v1/AUTH_%(tenant_id)s")
        roles = {role["name"]: role["id"] for role in call("GET", "/roles")["roles"]}
        if RESELLER not in roles:
            roles[RESELLER] = call("POST", "/roles", {"role": {"name": RESELLER}})["role"]["id"]
        where = f"/projects/{identity.ids['project/service']}/users/{identity.ids['user/glance']}/roles"
        for role in (RESELLER, "admin"):
            call("PUT", f"{where}/{roles[role]}")


def _common(directory: Path, name: str, port: int) -> str:
    return f"""[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = {"root" if os.geteuid() == 0 else os.environ.get("USER", "nobody")}
swift_dir = {directory}
log_name = {name}
log_level = WARNING
"""


def _storage(directory: Path, kind: str, port: int) -> str:
    return f"""{_common(directory, kind, port)}
devices = {directory}/data
mount_check = false
fallocate_reserve = 0
disable_fallocate = true
[pipeline:main]
pipeline = healthcheck {kind}-server
[filter:healthcheck]
use = egg:swift#healthcheck
[app:{kind}-server]
use = egg:swift#{kind}
"""


def _proxy(directory: Path, port: int, cache: int, identity: Keystone | None, token_seconds: int) -> str:
    simple = ("catch_errors", "gatekeeper", "healthcheck", "listing_formats", "bulk", "copy")
    later = ("container_quotas", "account_quotas", "slo", "dlo")
    filters = "".join(f"[filter:{name}]\nuse = egg:swift#{name}\n" for name in (*simple, *later))
    logins, prefix, keystone = "tempauth", "AUTH", ""
    if identity is not None:
        logins, prefix, keystone = "authtoken keystoneauth tempauth", "TEMP", _authtoken(identity)
    return f"""{_common(directory, "proxy", port)}
client_timeout = 20
[pipeline:main]
pipeline = {" ".join(simple[:3])} cache {" ".join(simple[3:5])} {logins} copy {" ".join(later)} proxy-server
[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{cache}
[filter:tempauth]
use = egg:swift#tempauth
reseller_prefix = {prefix}
token_life = {token_seconds}
user_{USER.replace(":", "_")} = {KEY} .admin
user_{READER.replace(":", "_")} = {READER_KEY}
{filters}{keystone}"""


def _authtoken(identity: Keystone) -> str:
    return f"""[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
www_authenticate_uri = {identity.url}
auth_url = {identity.url}
auth_type = password
username = glance
password = {PASSWORD}
project_name = service
user_domain_id = default
project_domain_id = default
delay_auth_decision = True
include_service_catalog = False
[filter:keystoneauth]
use = egg:swift#keystoneauth
operator_roles = admin, member, service
reseller_prefix = AUTH
"""
