"""The real Barbican 23 under uWSGI, from PyPI in an environment of its own, behind a Keystone that a test started.

with barbican(directory, identity) as keys:
    keys.url        # what [barbican] barbican_endpoint is set to
    with keys.silent(): ...
"""

import base64
import contextlib
import dataclasses
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.starters.base import Missing, debian, free_port, process, wait_until
from tests.starters.environments import environment
from tests.starters.keystone import Keystone
from tests.starters.keystone_people import PASSWORD, REGION

_MAKE_TABLES = """
from barbican.common import config
config.parse_args(config.CONF)
from barbican.model.migration import commands
commands.upgrade(to_version="head", sql_url=config.CONF.database.connection)
"""
_APPLICATION = """
import os
from paste import deploy
application = deploy.loadapp("config:%s/barbican-api-paste.ini" % os.environ["HOME"])
"""


@dataclasses.dataclass
class Barbican:
    """A running Barbican."""

    url: str
    identity: Keystone
    pid: int

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """Within the block connections are accepted, and nothing is answered."""
        os.killpg(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.pid, signal.SIGCONT)

    def keep(self, token: str, pem: str, *, kind: str = "certificate") -> str:
        """Store a secret as who has the token; its id."""
        secret = {
            "name": "of a test",
            "secret_type": kind,
            "payload": base64.b64encode(pem.encode()).decode(),
            "payload_content_type": "application/octet-stream",
            "payload_content_encoding": "base64",
        }
        answer = httpx.post(
            f"{self.url}/v1/secrets", json=secret, headers={"X-Auth-Token": token}, timeout=60, trust_env=False
        )
        assert answer.status_code == httpx.codes.CREATED, answer.text
        return str(answer.json()["secret_ref"].rpartition("/")[2])


@contextlib.contextmanager
def barbican(directory: Path, identity: Keystone) -> Iterator[Barbican]:
    """A Barbican of its own under `directory`, with SQLite, until the block ends. Raises `Missing`."""
    debian(["gcc", "libc6-dev"], "Barbican (uWSGI is compiled)", provides=["cc"])
    binaries = environment("barbican")
    home = directory.resolve()
    port = free_port()
    _configure(home, binaries, identity, port)
    variables = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(home), "PYTHONWARNINGS": "ignore"}
    made = subprocess.run(
        [binaries / "python", "-c", _MAKE_TABLES], env=variables, cwd=home, capture_output=True, text=True, check=False
    )
    if made.returncode:
        raise Missing(f"Barbican: its tables could not be made: {made.stderr[-2000:]}")
    command: list[str | Path] = [binaries / "uwsgi", "--ini", home / "uwsgi.ini"]
    with process(command, log=home / "uwsgi.log", cwd=home, env=variables) as running:
        url = f"http://127.0.0.1:{port}"

        def answers() -> bool:
            if running.poll() is not None:
                raise Missing(f"Barbican ended while starting, see {home}/uwsgi.log")
            with contextlib.suppress(httpx.TransportError):
                return httpx.get(f"{url}/healthcheck", timeout=10, trust_env=False).status_code == httpx.codes.OK
            return False

        wait_until(answers, "Barbican", seconds=120)
        yield Barbican(url, identity, running.pid)


def _configure(home: Path, binaries: Path, identity: Keystone, port: int) -> None:
    # Each of Barbican's modules reads the configuration of its own accord, from below HOME.
    (home / ".barbican").mkdir(parents=True)
    key = base64.urlsafe_b64encode(os.urandom(32)).decode()
    (home / ".barbican" / "barbican.conf").write_text(f"""[DEFAULT]
log_file = {home}/barbican.log
host_href = http://127.0.0.1:{port}
db_auto_create = false
[database]
connection = sqlite:///{home}/barbican.sqlite
[queue]
enable = false
[secretstore]
enabled_secretstore_plugins = store_crypto
[crypto]
enabled_crypto_plugins = simple_crypto
[simple_crypto_plugin]
kek = {key}
[certificate]
enabled_certificate_plugins =
[oslo_policy]
enforce_scope = true
enforce_new_defaults = true
[keystone_authtoken]
auth_url = {identity.url}
auth_type = password
username = glance
password = {PASSWORD}
project_name = service
user_domain_name = Default
project_domain_name = Default
region_name = {REGION}
""")
    paste = (binaries.parent / "etc" / "barbican" / "barbican-api-paste.ini").read_text()
    lines = ["/v1: barbican-api-keystone" if line.startswith("/v1:") else line for line in paste.splitlines()]
    (home / "barbican-api-paste.ini").write_text("\n".join(lines).replace("/etc/barbican", str(home)) + "\n")
    (home / "barbican_app.py").write_text(_APPLICATION)
    (home / "uwsgi.ini").write_text(f"""[uwsgi]
http-socket = 127.0.0.1:{port}
module = barbican_app:application
pythonpath = {home}
need-app = true
master = true
processes = 1
threads = 2
enable-threads = true
die-on-term = true
add-header = Connection: close
buffer-size = 65535
disable-logging = true
""")
