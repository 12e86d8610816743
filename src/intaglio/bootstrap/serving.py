"""What `intaglio serve`, `api` and `worker` do: prepare, then run the processes until told to stop."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence

import msgspec

from intaglio.bootstrap import address as addresses
from intaglio.bootstrap import home
from intaglio.bootstrap.api_process import ApiOptions, run_api
from intaglio.bootstrap.clouds import CloudsFile, Login
from intaglio.bootstrap.greeting import Greeting
from intaglio.bootstrap.inflight import AsgiApp
from intaglio.bootstrap.notify import notify
from intaglio.bootstrap.processes import errand
from intaglio.bootstrap.settings import Settings
from intaglio.bootstrap.supervisor import CUT, READY, Role, Supervisor
from intaglio.identity import passwords
from intaglio.identity.settings import AuthMode
from intaglio.identity.users import UsersFile
from intaglio.worker.loop import PeriodicJob, run_jobs

log = logging.getLogger(__name__)


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What the processes run: given by the wiring, or by a test that runs something smaller."""

    make_app: Callable[[Settings], AsgiApp]
    make_jobs: Callable[[Settings], contextlib.AbstractAsyncContextManager[Sequence[PeriodicJob]]]
    upgrade: Callable[[Settings], object]


def serve(settings: Settings, parts: Parts, *, access_log: bool) -> None:
    """Everything on one machine: data directory, database, first user, API processes and a worker.

    Returns when a signal has ended it. Raises an `IntaglioError` for whatever keeps it from starting.
    """
    data_dir = settings.serve.data_dir
    with addresses.listen(addresses.parse(settings.serve.bind)) as listener:
        home.prepare(data_dir, settings.stores, settings.staging)
        with home.held(data_dir):
            errand(lambda: parts.upgrade(settings))
            greeting = _introduce(settings, addresses.bound(listener).url)
            roles = [
                *_api_roles(settings, parts, listener, access_log=access_log),
                Role("worker", lambda: _worker_child(settings, parts, listener)),
            ]
            _supervise(settings, roles, listener, greeting.text())


def serve_api(settings: Settings, parts: Parts, *, access_log: bool) -> None:
    """API processes alone: the database and the users are there already."""
    with addresses.listen(addresses.parse(settings.serve.bind)) as listener:
        url = addresses.bound(listener).url
        roles = _api_roles(settings, parts, listener, access_log=access_log)
        _supervise(settings, roles, listener, f"Intaglio's API is ready at {url}; kill {os.getpid()} stops it.\n")


def serve_worker(settings: Settings, parts: Parts) -> None:
    """One worker, in this process."""
    _run_worker(settings, parts, lambda: notify("READY=1"), {signal.SIGTERM, signal.SIGINT})


def _introduce(settings: Settings, url: str) -> Greeting:
    """Make the first user when there is none, and write clouds.yaml. The password is kept before it is in force."""
    users = UsersFile(settings.identity.users_file)
    clouds = CloudsFile(settings.serve.data_dir / "clouds.yaml")
    mode = settings.identity.mode
    login = clouds.login()
    first = mode is AuthMode.HTTP_BASIC and not users.path.exists()
    if first:
        login = login or Login(home.FIRST_USER, passwords.generate())
        login = Login(home.FIRST_USER, login.password)
    if mode in {AuthMode.HTTP_BASIC, AuthMode.NONE}:  # otherwise Keystone's catalogue tells clients where to go
        clouds.write(mode, url, login)
    if first and login is not None:
        home.add_first_user(users, login.password)
    elif mode is AuthMode.HTTP_BASIC:
        users.read()  # a line that cannot be understood is said now
    return Greeting(
        url=url,
        data_dir=settings.serve.data_dir,
        clouds_file=clouds.path,
        mode=mode,
        username=login.username if login is not None else None,
        password=login.password if first and login is not None else None,
        kept=login is not None,
        identity=settings.identity.keystone.www_authenticate_uri if settings.identity.keystone else None,
    )


def _api_roles(settings: Settings, parts: Parts, listener: socket.socket, *, access_log: bool) -> list[Role]:
    options = ApiOptions(drain_seconds=settings.serve.drain_seconds, access_log=access_log)

    def run() -> None:
        run_api(listener, lambda: parts.make_app(settings), options, _report_ready)

    return [Role(f"api {number}", run) for number in range(1, settings.serve.workers + 1)]


def _supervise(settings: Settings, roles: Sequence[Role], listener: socket.socket, greeting: str) -> None:
    def ready() -> None:
        sys.stdout.write(greeting)
        sys.stdout.flush()
        notify("READY=1")

    def drain() -> None:
        listener.close()  # with the children's copies: a client that comes now is refused, and tries elsewhere
        notify("STOPPING=1")

    Supervisor(roles, drain_seconds=settings.serve.drain_seconds, on_ready=ready, on_drain=drain).run()
    log.info("stopped")


def _worker_child(settings: Settings, parts: Parts, listener: socket.socket) -> None:
    listener.close()
    _run_worker(settings, parts, _report_ready, {signal.SIGTERM})


def _run_worker(
    settings: Settings, parts: Parts, on_started: Callable[[], None], stop_signals: set[signal.Signals]
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        stop, cut = asyncio.Event(), asyncio.Event()
        heard = False

        def on_signal() -> None:
            nonlocal heard
            stop.set()
            if heard and signal.SIGINT in stop_signals:
                cut.set()
            heard = True

        for number in stop_signals:
            loop.add_signal_handler(number, on_signal)
        loop.add_signal_handler(CUT, cut.set)
        async with parts.make_jobs(settings) as jobs:
            on_started()
            working = loop.create_task(run_jobs(jobs, stop, grace_seconds=settings.serve.drain_seconds))
            cutting = loop.create_task(cut.wait())
            await asyncio.wait({working, cutting}, return_when=asyncio.FIRST_COMPLETED)
            cutting.cancel()
            if not working.done():
                working.cancel()
            await asyncio.gather(working, return_exceptions=cut.is_set())

    asyncio.run(main())


def _report_ready() -> None:
    os.kill(os.getppid(), READY)
