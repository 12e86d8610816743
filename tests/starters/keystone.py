"""The real Keystone 30 under uWSGI, from PyPI in an environment of its own, on a free port of 127.0.0.1.

with keystone(directory) as identity:
    token = identity.token("mia", project="alpha")
    identity.kill()         # its database and keys stay where they are
    identity.start()

Its database is made and filled once and copied for each server: every one knows the same people, ids and keys, so that
a token of one is good at the others. `tests/starters/keystone_shared.py` is one server for all processes of a test run.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
from filelock import FileLock

from tests.starters import keystone_people
from tests.starters.base import CACHE, Missing, debian, free_port, process, wait_until
from tests.starters.environments import ENVIRONMENTS, environment
from tests.starters.keystone_people import PASSWORD, REGION, project_scope

_MADE_ANEW = hashlib.sha256(
    " ".join(ENVIRONMENTS["keystone"]).encode() + Path(keystone_people.__file__).read_bytes()
).hexdigest()
_ANYWHERE = "http://keystone.invalid"  # stands for the address in the database that is copied


@dataclasses.dataclass
class Keystone:
    """A configured Keystone; `start`, `stop` and `kill` may be called any number of times."""

    directory: Path
    port: int
    ids: Mapping[str, str]
    _bin: Path
    _running: contextlib.ExitStack = dataclasses.field(default_factory=contextlib.ExitStack)
    pid: int = 0

    @property
    def url(self) -> str:
        """The address that clients are told (auth_url)."""
        return f"http://127.0.0.1:{self.port}/v3"

    def start(self) -> None:
        """Start the server and wait for its first answer."""
        command: list[str | Path] = [self._bin / "uwsgi", "--ini", self.directory / "uwsgi.ini"]
        program = process(command, log=self.directory / "uwsgi.log", cwd=self.directory, env=_environment())
        running = self._running.enter_context(program)
        self.pid = running.pid

        def answers() -> bool:
            if running.poll() is not None:
                raise Missing(f"Keystone ended while starting, see {self.directory}/uwsgi.log")
            return _answers(self.url)

        try:
            wait_until(answers, "Keystone", seconds=180)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End every process of the server; what it stored stays."""
        self._running.close()
        self.pid = 0

    def kill(self) -> None:
        """End it without any farewell."""
        os.killpg(self.pid, signal.SIGKILL)
        self.stop()

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """Within the block connections are accepted, and nothing is answered."""
        os.killpg(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.pid, signal.SIGCONT)

    def token(self, user: str, **scope: str) -> str:
        """A token of a user: `project="alpha"`, `domain="Default"`, `system="all"`, or without any scope."""
        return self._issue(keystone_people.by_password(user), _scope(scope))

    def token_of_application(self, name: str) -> str:
        """A token that an application credential of mia gives: `pipeline`, or `lister` with access rules."""
        known = {"id": self.ids[f"application/{name}"], "secret": PASSWORD}
        return self._issue({"methods": ["application_credential"], "application_credential": known}, None)

    def _issue(self, identity: Mapping[str, Any], scope: Mapping[str, Any] | str | None) -> str:
        wanted: dict[str, Any] = {"identity": identity} | ({} if scope is None else {"scope": scope})
        answer = httpx.post(f"{self.url}/auth/tokens", json={"auth": wanted}, timeout=60, trust_env=False)
        assert answer.status_code == httpx.codes.CREATED, answer.text
        return answer.headers["X-Subject-Token"]

    def revoke(self, token: str) -> None:
        """Take a token back, as its user may."""
        headers = {"X-Auth-Token": token, "X-Subject-Token": token}
        httpx.delete(f"{self.url}/auth/tokens", headers=headers, timeout=60, trust_env=False).raise_for_status()

    def refuses(self, token: str) -> bool:
        """Whether Keystone itself no longer knows the token."""
        headers = {"X-Auth-Token": self.token("glance", project="service"), "X-Subject-Token": token}
        answer = httpx.get(f"{self.url}/auth/tokens", headers=headers, timeout=60, trust_env=False)
        return answer.status_code == httpx.codes.NOT_FOUND

    def register(self, image_url: str, *more: str) -> str:
        """Put an image service into the catalogue, in a region of its own whose name comes back.

        `more`: types of service, beside `image`, under which it is found there, too.
        """
        token = self.token("admin", project="admin")
        with keystone_people.caller(self.url, token) as call:
            region = f"region-{image_url.rpartition(':')[2].strip('/').replace('/', '-')}"
            call("POST", "/regions", {"region": {"id": region}})
            for service, url in (("image", image_url), ("keystone", self.url)):
                keystone_people.add_endpoints(call, self.ids[f"service/{service}"], region, url)
            for kind in more:
                made = call("POST", "/services", {"service": {"type": kind, "name": kind}})
                keystone_people.add_endpoints(call, made["service"]["id"], region, image_url)
        return region

    def forget(self, region: str) -> None:
        """Take everything of a region out of the catalogue."""
        with keystone_people.caller(self.url, self.token("admin", project="admin")) as call:
            for endpoint in call("GET", f"/endpoints?region_id={region}")["endpoints"]:
                call("DELETE", f"/endpoints/{endpoint['id']}")

    def section(self, **options: str) -> str:
        """The lines of `[keystone_authtoken]` for a service user that has the role service and no other."""
        return _section(
            {
                "www_authenticate_uri": "https://identity.example.org/v3",
                "auth_url": self.url,
                "auth_type": "password",
                "username": "glance",
                "password": PASSWORD,
                "user_domain_name": "Default",
                "project_name": "service",
                "project_domain_name": "Default",
                "region_name": REGION,
            }
            | options
        )


def _section(options: Mapping[str, str]) -> str:
    return "[keystone_authtoken]\n" + "".join(f"{name} = {value}\n" for name, value in options.items())


def _scope(scope: Mapping[str, str]) -> Mapping[str, Any] | str:
    if "project" in scope:
        return project_scope(scope["project"])
    if "domain" in scope:
        return {"domain": {"name": scope["domain"]}}
    return {"system": {"all": True}} if scope else "unscoped"


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "PYTHONWARNINGS": "ignore"}


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=10, trust_env=False).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _configure(identity: Keystone, expiration: int) -> None:
    own = identity.directory
    # Cheap password hashes: they protect nobody here.
    (own / "keystone.conf").write_text(f"""[DEFAULT]
log_file = {own}/keystone.log
[database]
connection = sqlite:///{own}/keystone.sqlite
[token]
provider = fernet
expiration = {expiration}
[fernet_tokens]
key_repository = {own}/fernet
[credential]
key_repository = {own}/credential
[identity]
password_hash_rounds = 4
[cache]
enabled = true
backend = dogpile.cache.memory
[oslo_policy]
enforce_scope = true
enforce_new_defaults = true
""")
    # On SQLite more than one thread meets "database is locked".
    (own / "uwsgi.ini").write_text(f"""[uwsgi]
http-socket = 127.0.0.1:{identity.port}
module = keystone.wsgi.api:application
need-app = true
master = true
processes = 1
threads = 1
enable-threads = true
die-on-term = true
add-header = Connection: close
buffer-size = 65535
disable-logging = true
env = OS_KEYSTONE_CONFIG_DIR={own}
env = OS_KEYSTONE_CONFIG_FILES=keystone.conf
""")


def _manage(binaries: Path, directory: Path, *words: str) -> None:
    places = ["--config-dir", str(directory), "--config-file", str(directory / "keystone.conf")]
    command = [str(binaries / "keystone-manage"), *places, *words]
    done = subprocess.run(command, cwd=directory, env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"Keystone: keystone-manage {' '.join(words)} failed: {done.stderr[-2000:]}")


def _model(binaries: Path) -> Path:
    """The directory that every server begins as a copy of: made once, with people, projects and catalogue."""
    home = CACHE / "keystone" / _MADE_ANEW
    home.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{home}.lock"):
        if not home.exists():
            with tempfile.TemporaryDirectory(dir=home.parent) as place:
                made = Path(place) / "model"
                made.mkdir()
                _make_model(binaries, made)
                made.rename(home)
    return home


def _make_model(binaries: Path, directory: Path) -> None:
    for name in ("fernet", "credential"):
        (directory / name).mkdir(mode=0o700)
    identity = Keystone(directory, free_port(), {}, binaries)
    _configure(identity, expiration=3600)
    me = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    group = subprocess.run(["id", "-gn"], capture_output=True, text=True, check=True).stdout.strip()
    _manage(binaries, directory, "db_sync")
    for command in ("fernet_setup", "credential_setup"):
        _manage(binaries, directory, command, "--keystone-user", me, "--keystone-group", group)
    urls = [word for kind in ("admin", "internal", "public") for word in (f"--bootstrap-{kind}-url", _ANYWHERE)]
    _manage(binaries, directory, "bootstrap", "--bootstrap-password", PASSWORD, "--bootstrap-region-id", REGION, *urls)
    identity.start()
    try:
        ids = keystone_people.settle(identity.url, identity.token("admin", project="admin"))
    finally:
        identity.stop()
    (directory / "ids.json").write_text(json.dumps(ids))
    for log in directory.glob("*.log"):
        log.unlink()


@contextlib.contextmanager
def keystone(directory: Path, *, expiration: int = 3600) -> Iterator[Keystone]:
    """A Keystone of its own under `directory` until the block ends; its tokens live `expiration` seconds.

    Raises `Missing`.
    """
    debian(["gcc", "libc6-dev"], "Keystone (uWSGI is compiled)", provides=["cc"])
    binaries = environment("keystone")
    directory = directory.resolve()
    shutil.copytree(_model(binaries), directory, dirs_exist_ok=True)
    identity = Keystone(directory, free_port(), json.loads((directory / "ids.json").read_text()), binaries)
    _configure(identity, expiration)
    with contextlib.closing(sqlite3.connect(directory / "keystone.sqlite")) as database:
        database.execute("UPDATE endpoint SET url = ? WHERE url = ?", (identity.url, _ANYWHERE))
        database.commit()
    try:
        identity.start()
        yield identity
    finally:
        identity.stop()
