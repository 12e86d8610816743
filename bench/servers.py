"""Starts the servers that are compared: Intaglio, the real Glance and nginx. No other module knows how each is run."""

import contextlib
import dataclasses
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
from tests.starters.base import free_port, process
from tests.starters.glance import glance
from tests.starters.nginx import nginx

from bench.client import Failed

PROCESSES = 2


@dataclasses.dataclass(frozen=True)
class Login:
    """How a server finds Keystone (`section`, its `[keystone_authtoken]`), and the token that callers show."""

    section: str
    token: str


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a server keeps its things: `work` (configuration, logs, database) and `store` (the bytes of images).

    `database` is an SQLite file made by Glance's own schema that is copied into `work` at first. `sections` are those
    of glance-api.conf that describe other stores than `store`. With a `login` the server asks Keystone who calls.
    `more` are further sections, for both. `identified`: requests say who asks, and are believed (tasks need an owner).
    """

    work: Path
    store: Path
    database: Path
    sections: str = ""
    login: Login | None = None
    more: str = ""
    identified: bool = False

    def connection(self) -> str:
        """The address of a private copy of the database."""
        own = self.work / "glance.sqlite"
        if not own.exists():
            self.work.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.database, own)
        return f"sqlite:///{own}"


@dataclasses.dataclass(frozen=True)
class Server:
    """A running server. `pid` is the root of its process tree; `start` the seconds until it first answered.

    `headers` are those that every request to it needs.
    """

    name: str
    url: str
    pid: int
    start: float = 0.0
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)


Starter = Callable[[Place], contextlib.AbstractContextManager[Server]]


def wait_for_answer(
    url: str, alive: Callable[[], bool], headers: Mapping[str, str] | None = None, seconds: float = 180
) -> None:
    """Ask for a list of one image every 5 ms until it comes."""
    end = time.monotonic() + seconds
    with httpx.Client(timeout=30, headers=headers) as client:
        while True:
            with contextlib.suppress(httpx.TransportError):
                if client.get(f"{url}/v2/images?limit=1").status_code == httpx.codes.OK:
                    return
            if not alive() or time.monotonic() > end:
                raise Failed(f"{url} did not start")
            time.sleep(0.005)


@contextlib.contextmanager
def intaglio_server(place: Place) -> Iterator[Server]:
    """Intaglio as an operator of one machine runs it, without authentication or with Keystone's."""
    port = free_port()
    connection = place.connection()
    place.store.mkdir(parents=True, exist_ok=True)
    conf = place.work / "glance-api.conf"
    conf.write_text(
        f"[database]\nconnection = {connection}\n"
        + (
            place.sections
            or f"[glance_store]\nstores = file\ndefault_store = file\nfilesystem_store_datadir = {place.store}\n"
        )
        + (place.login.section if place.login else "")
        + place.more
        + ("[intaglio]\ntrusted_proxies = 127.0.0.1\n" if place.identified else "")
    )
    program = Path(sys.executable).parent / "intaglio"
    log = place.work / "intaglio.log"
    common = ["--data-dir", str(place.work / "data"), "--config-file", str(conf)]
    with process([str(program), "db", "upgrade", *common], log=log) as upgrade:
        if upgrade.wait(300):
            raise Failed(f"intaglio db upgrade failed, see {log}")
    auth = "keystone" if place.login else "trusted_proxy" if place.identified else "none"
    serve = [str(program), "serve", "--auth", auth]
    serve += ["--workers", str(PROCESSES), "--bind", f"127.0.0.1:{port}"]
    began = time.perf_counter()
    with process([*serve, *common], log=log) as running:
        url = f"http://127.0.0.1:{port}"
        wait_for_answer(url, lambda: running.poll() is None, _headers(place))
        yield Server("intaglio", url, running.pid, time.perf_counter() - began, _headers(place))


@contextlib.contextmanager
def glance_server(place: Place, name: str = "glance") -> Iterator[Server]:
    """Glance 33 under uWSGI, one file store, no authentication in the pipeline or keystonemiddleware as it comes."""
    connection = place.connection()
    with glance(
        place.work,
        connection=connection,
        stores=place.sections or place.store,
        processes=PROCESSES,
        auth="keystone" if place.login else "headers" if place.identified else "none",
        conf=(place.login.section if place.login else "") + place.more,
        sync=False,
        started=False,
    ) as peer:
        began = time.perf_counter()
        peer.start()
        wait_for_answer(peer.url, lambda: True, _headers(place))
        yield Server(name, peer.url, peer.pid, time.perf_counter() - began, _headers(place))


def _headers(place: Place) -> Mapping[str, str]:
    if place.identified:
        return {
            "X-Identity-Status": "Confirmed",
            "X-User-Id": "bench",
            "X-Project-Id": "bench",
            "X-Roles": "admin,member,reader",
        }
    return {} if place.login is None else {"X-Auth-Token": place.login.token}


@contextlib.contextmanager
def stand_in_server(place: Place) -> Iterator[Server]:
    """A second Glance in Intaglio's place: proves the harness, which must then find ratios of one."""
    with glance_server(place, "stand-in") as server:
        yield server


@contextlib.contextmanager
def nginx_server(directory: Path, work: Path) -> Iterator[Server]:
    """Plain files by nginx."""
    with nginx(directory, work, workers=PROCESSES) as server:
        yield Server("nginx", server.url, server.pid)


STARTERS: dict[str, Starter] = {
    "intaglio": intaglio_server,
    "stand-in": stand_in_server,
    "glance": glance_server,
}
