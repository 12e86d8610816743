"""The real Glance 33 under uWSGI, from PyPI in an environment of its own, on a free port of 127.0.0.1.

with glance(directory) as peer:
    requests to peer.url ...
    peer.stop()             # its database and stores stay where they are
    peer.start()
"""

import contextlib
import dataclasses
import logging
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import httpx

from tests.starters.base import Missing, debian, free_port, process, wait_until
from tests.starters.environments import environment

log = logging.getLogger(__name__)

Auth = Literal["none", "headers", "keystone"]
"""none: whoever asks is an administrator (without roles). headers: the identity is what X-Identity-Status: Confirmed,
X-User-Id, X-Project-Id and X-Roles say. keystone: keystonemiddleware asks the Keystone of `[keystone_authtoken]`."""


@dataclasses.dataclass(frozen=True)
class FileStore:
    """One of several file stores; the heaviest is preferred for reading, the first is the default for writing."""

    id: str
    directory: Path
    weight: int = 0


@dataclasses.dataclass(frozen=True)
class S3Store:
    """A store in a bucket; `options` are Glance's, without secrets of their own as tests have none."""

    id: str
    options: Mapping[str, object]
    weight: int = 0


@dataclasses.dataclass(frozen=True)
class RbdStore:
    """A store in a pool of Ceph; `options` are Glance's. Its environment must have been given Ceph's modules."""

    id: str
    options: Mapping[str, object]
    weight: int = 0


@dataclasses.dataclass(frozen=True)
class SwiftStore:
    """A store in a container of a Swift behind Keystone; `options` are Glance's."""

    id: str
    options: Mapping[str, object]
    weight: int = 0


@dataclasses.dataclass(frozen=True)
class CinderStore:
    """A store in a Cinder; `options` are Glance's. Its environment must have been given Ceph's modules."""

    id: str
    options: Mapping[str, object]
    weight: int = 0


Store = CinderStore | FileStore | RbdStore | S3Store | SwiftStore
_KINDS: Mapping[type, str] = {
    CinderStore: "cinder",
    FileStore: "file",
    RbdStore: "rbd",
    S3Store: "s3",
    SwiftStore: "swift",
}


@dataclasses.dataclass
class Glance:
    """A configured Glance: its database exists; `start` and `stop` may be called any number of times."""

    url: str
    conf: Path
    directory: Path
    port: int
    pid: int = 0
    _bin: Path = Path()
    _running: contextlib.ExitStack = dataclasses.field(default_factory=contextlib.ExitStack)

    @property
    def log(self) -> Path:
        """What Glance itself logged; what uWSGI said stands beside it in uwsgi.log."""
        return self.directory / "glance.log"

    def troubles(self) -> list[str]:
        """What it logged as an error, tracebacks included; store drivers that are not installed aside."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return [line for line in lines if " ERROR " in line and "stevedore" not in line]

    def manage(self, *words: str) -> None:
        """Run `glance-manage` with this configuration."""
        command = [str(self._bin / "glance-manage"), "--config-file", str(self.conf), *words]
        done = subprocess.run(
            command, cwd=self.directory, env=_environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Missing(f"Glance: glance-manage {' '.join(words)} failed: {done.stderr[-2000:]}")

    def start(self) -> None:
        """Start the server and wait for its first answer."""
        program = process(
            [self._bin / "uwsgi", "--ini", self.directory / "uwsgi.ini"],
            log=self.directory / "uwsgi.log",
            cwd=self.directory,
            env=_environment() | {"OS_GLANCE_CONFIG_DIR": str(self.conf.parent)},
        )
        running = self._running.enter_context(program)
        self.pid = running.pid

        def answers() -> bool:
            if running.poll() is not None:
                raise Missing(f"Glance ended while starting, see {self.directory}/uwsgi.log")
            return _answers(f"{self.url}/healthcheck")

        try:
            wait_until(answers, "Glance", seconds=180)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End every process of the server; what it stored stays."""
        self._running.close()
        self.pid = 0

    def restart(self) -> None:
        self.stop()
        self.start()


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "PYTHONWARNINGS": "ignore"}


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=10).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _stores(stores: Path | str | Sequence[Store]) -> tuple[str, str]:
    """The lines for [DEFAULT], and the sections, of one store in the older way or of several with ids."""
    if isinstance(stores, str):
        return "", stores
    if isinstance(stores, Path):
        stores.mkdir(parents=True, exist_ok=True)
        section = f"[glance_store]\nstores = file\ndefault_store = file\nfilesystem_store_datadir = {stores}\n"
        return "", section
    text = f"[glance_store]\ndefault_backend = {stores[0].id}\n"
    kinds = []
    for store in stores:
        text += f"[{store.id}]\nweight = {store.weight}\n"
        if isinstance(store, FileStore):
            store.directory.mkdir(parents=True, exist_ok=True)
            text += f"filesystem_store_datadir = {store.directory}\n"
        else:
            text += "".join(f"{name} = {value}\n" for name, value in store.options.items())
        kinds.append(f"{store.id}:{_KINDS[type(store)]}")
    return f"enabled_backends = {','.join(kinds)}\n", text


_FLAVORS = {"none": "", "headers": "flavor = trusted", "keystone": "flavor = keystone"}


def _configuration(peer: Glance, connection: str, stores: Path | str | Sequence[Store], auth: Auth, extra: str) -> str:
    default, sections = _stores(stores)
    own = peer.directory
    strict = "false" if auth == "none" else "true"  # without any role the newer default rules refuse all writing
    return f"""[DEFAULT]
log_file = {peer.log}
node_staging_uri = file://{own}/staging
worker_self_reference_url = {peer.url}
{default}[database]
connection = {connection}
{sections}[os_glance_staging_store]
filesystem_store_datadir = {own}/staging
[os_glance_tasks_store]
filesystem_store_datadir = {own}/tasks
[task]
work_dir = {own}/work
[oslo_concurrency]
lock_path = {own}/work
[wsgi]
python_interpreter = {peer._bin}/python
[paste_deploy]
config_file = {peer.conf.parent}/glance-api-paste.ini
{_FLAVORS[auth]}
[oslo_policy]
enforce_scope = {strict}
enforce_new_defaults = {strict}
{extra}
"""


def _pipelines(shipped: str, auth: Auth) -> str:
    """Glance's own pipelines; and one that believes the identity headers, for which it ships none."""
    if auth != "headers":
        return shipped
    pipeline = "trusted = cors http_proxy_to_wsgi versionnegotiation context rootapp\n"
    shipped = shipped.replace("[composite:api]\n", f"[composite:api]\n{pipeline}", 1)
    parts = "paste.composite_factory = glance.api:root_app_factory\n/: api\n/healthcheck: healthcheck\n"
    return f"{shipped}\n[composite:glance-api-trusted]\n{parts}"


def _uwsgi(peer: Glance, processes: int, threads: int) -> str:
    # http-socket speaks HTTP without a proxy process. Chunked bodies are for the application to read as they come;
    # the limit is on one chunk, and its default (1 MB) is smaller than the chunks some clients send.
    return f"""[uwsgi]
http-socket = 127.0.0.1:{peer.port}
module = glance.wsgi.api:application
chdir = {peer.directory}
virtualenv = {peer._bin.parent}
master = true
need-app = true
lazy-apps = true
enable-threads = true
processes = {processes}
threads = {threads}
thunder-lock = true
die-on-term = true
http-auto-chunked = true
http-chunked-input = true
http-raw-body = true
chunked-input-limit = 67108864
add-header = Connection: close
socket-timeout = 30
buffer-size = 65535
disable-logging = true
"""


@contextlib.contextmanager
def glance(
    directory: Path,
    *,
    connection: str | None = None,
    stores: Path | str | Sequence[Store] | None = None,
    processes: int = 2,
    threads: int = 8,
    auth: Auth = "none",
    conf: str = "",
    sync: bool = True,
    started: bool = True,
) -> Iterator[Glance]:
    """A Glance of its own under `directory` until the block ends; all its processes are then gone.

    `connection`: an SQLAlchemy address; the default is the SQLite file `directory`/glance.sqlite; for MariaDB write
    `mysql+pymysql://…`. `stores`: a directory (one store, configured the older way; default `directory`/images) or
    several `CinderStore`, `FileStore`, `RbdStore`, `S3Store` and `SwiftStore`; or the sections themselves, as text.
    `conf`: more text for glance-api.conf, starting with a section head. `sync`: bring the database to Glance's schema
    first. `started`: False leaves `start` to the caller. Raises `Missing`.
    """
    debian(["gcc", "libc6-dev"], "Glance (uWSGI is compiled)", provides=["cc"])
    binaries = environment("glance")
    directory = directory.resolve()
    for name in ("etc", "staging", "tasks", "work"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    port = free_port()
    conf_path = directory / "etc" / "glance-api.conf"
    peer = Glance(f"http://127.0.0.1:{port}", conf_path, directory, port, _bin=binaries)
    connection = connection or f"sqlite:///{directory}/glance.sqlite"
    conf_path.write_text(_configuration(peer, connection, stores or directory / "images", auth, conf))
    shipped = (binaries.parent / "etc" / "glance" / "glance-api-paste.ini").read_text()
    (directory / "etc" / "glance-api-paste.ini").write_text(_pipelines(shipped, auth))
    (directory / "uwsgi.ini").write_text(_uwsgi(peer, processes, threads))
    if sync:
        peer.manage("db_sync")
    if started:
        peer.start()
    try:
        yield peer
    finally:
        peer.stop()
        if troubles := peer.troubles()[-200:]:
            log.warning("Glance at %s logged:\n%s", peer.url, "\n".join(troubles))  # shown with a test that fails
