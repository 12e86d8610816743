"""Knows which requests are running, so that a process can end when they have, or give them up."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from intaglio.api.stopping import STOPPING

log = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class InFlight:
    """An ASGI application around another: passes everything on, and keeps the running requests' tasks.

    An application that fails while starting ends the server; servers otherwise take that for one without a lifespan.
    """

    def __init__(self, app: AsgiApp, *, on_started: Callable[[], None]) -> None:
        self._app = app
        self._on_started = on_started
        self._tasks: set[asyncio.Task[Any]] = set()
        self._stopping = asyncio.Event()

    def __len__(self) -> int:
        return len(self._tasks)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a request outside any task")
        self._tasks.add(task)
        scope[STOPPING] = self._stopping
        try:
            await self._app(scope, receive, send)
        finally:
            self._tasks.discard(task)

    def stop(self) -> None:
        """Let answers that have no end of their own know that this process is to end."""
        self._stopping.set()

    def give_up(self) -> int:
        """Cancel every running request, so that each cleans up after itself; their number."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        return len(tasks)

    async def _lifespan(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        said: set[str] = set()

        async def sent(message: Message) -> None:
            said.add(message["type"])
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                self._on_started()

        try:
            await self._app(scope, receive, sent)
        except Exception as error:
            if said:
                log.exception("closing the application failed")
                raise
            log.exception("the application could not start")
            await send({"type": "lifespan.startup.failed", "message": str(error)})
