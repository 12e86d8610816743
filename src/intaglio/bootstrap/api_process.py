"""One API process: an ASGI application on Granian, serving a listening socket that others share.

Granian's embedded server is used, with one method replaced: it takes a socket that is already listening, instead of
opening one. Everything else of Granian is used as published.
"""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable
from typing import Any

import msgspec
import uvloop
from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from intaglio.base.errors import Unavailable
from intaglio.bootstrap.address import BACKLOG
from intaglio.bootstrap.inflight import AsgiApp, InFlight
from intaglio.bootstrap.supervisor import CUT

log = logging.getLogger(__name__)

_BUFFER = 768 * 1024  # bytes read at once from a fast sender: fewer and larger pieces cost less; see ADR 12
_FILE_THREADS = 8  # read the files that are sent whole; slow readers share them, and more cost more switching
_HEAD_SECONDS = 30  # a client may take this long to send the head of a request
_CLEAN_UP_SECONDS = 3.0  # for requests that were given up
_ACCESS_FORMAT = '%(addr)s "%(method)s %(path)s %(protocol)s" %(status)d %(dt_ms).1f ms'
_LOGGING = {
    "loggers": {
        "_granian": {"handlers": [], "propagate": True},
        "granian.access": {"handlers": [], "level": "INFO", "propagate": True},
    }
}


class ApiFailed(Unavailable):
    """The API process could not start or had to end; the text says why."""

    code = "api-process-failed"


class ApiOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How an API process serves."""

    drain_seconds: float = 60.0
    access_log: bool = False


def run_api(
    listener: socket.socket, make_app: Callable[[], AsgiApp], options: ApiOptions, on_started: Callable[[], None]
) -> None:
    """Serve until SIGTERM, then finish what runs; returns when all is done or the limit is reached.

    `make_app` is called in this process, on the event loop that will run the application. Raises `ApiFailed`.
    """
    uvloop.run(_Api(listener, options).run(make_app, on_started))


class _Listening(Server):
    """Granian's embedded server on a socket it is given."""

    def __init__(self, app: AsgiApp, descriptor: int, options: ApiOptions) -> None:
        super().__init__(
            app,
            interface=Interfaces.ASGI,
            http=HTTPModes.auto,
            http1_settings=HTTP1Settings(header_read_timeout=_HEAD_SECONDS * 1000, max_buffer_size=_BUFFER),
            runtime_blocking_threads=_FILE_THREADS,
            websockets=False,
            backlog=BACKLOG,
            log_level=LogLevels.error,  # what it does is said by us, in our words
            log_dictconfig=_LOGGING,
            log_access=options.access_log,
            log_access_format=_ACCESS_FORMAT,
        )
        self._descriptor = descriptor

    def _init_shared_socket(self) -> None:
        self._ssp = None
        holder: Any = SocketHolder  # its published signature is older than it is
        self._shd = holder(self._descriptor, False, self.backlog)  # noqa: FBT003 - positional only


class _Api:
    def __init__(self, listener: socket.socket, options: ApiOptions) -> None:
        self._listener = listener
        self._options = options
        self._stop = asyncio.Event()
        self._cut = asyncio.Event()

    async def run(self, make_app: Callable[[], AsgiApp], on_started: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop.set)
        loop.add_signal_handler(CUT, self._cut.set)
        requests = InFlight(make_app(), on_started=on_started)
        # Granian owns the descriptor it is given and closes it when it stops accepting: that is how a drain begins.
        server = _Listening(requests, os.dup(self._listener.fileno()), self._options)
        self._listener.close()
        serving = loop.create_task(server.serve())
        stopping = loop.create_task(self._stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            raise ApiFailed("The HTTP server ended by itself.") from serving.exception()
        server.signal_handler_interrupt()  # type: ignore[no-untyped-call]
        requests.stop()
        await self._finish(serving, requests)

    async def _finish(self, serving: "asyncio.Task[None]", requests: InFlight) -> None:
        if len(requests):
            log.info("finishing %d requests, for at most %g s", len(requests), self._options.drain_seconds)
        cutting = asyncio.get_running_loop().create_task(self._cut.wait())
        await asyncio.wait({serving, cutting}, timeout=self._options.drain_seconds, return_when=asyncio.FIRST_COMPLETED)
        cutting.cancel()
        if serving.done():
            serving.result()
            return
        log.warning("gave up %d requests that had not finished", requests.give_up())
        await asyncio.wait({serving}, timeout=_CLEAN_UP_SECONDS)
        if not serving.done():
            # Clients that read slowly or hold a half-sent request: the kernel closes their connections with us.
            logging.shutdown()
            os._exit(0)
