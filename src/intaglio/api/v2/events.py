"""What happens to an image, as server-sent events (WHATWG HTML, "Server-sent events")."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from intaglio.api.call import Call
from intaglio.api.stopping import stopping_of
from intaglio.api.v2.tasks import progress_view
from intaglio.base.errors import IntaglioError
from intaglio.services import events
from intaglio.services.events import Batch, Event, EventKind, ImageEvent, Listener, TaskEvent

_log = logging.getLogger(__name__)

_BEGIN = b"retry: 2000\n\n"
_STILL_THERE = b":\n\n"
_HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}


async def follow(call: Call) -> Response:
    """The events; nothing (204) for who comes back after the last one, which tells a browser to stop."""
    image_id = await events.visible_id(call.parts, call.caller, call.path["image_id"])
    with contextlib.ExitStack() as stack:
        watcher = stack.enter_context(events.place(call.parts, call.caller, image_id))
        listener = Listener(call.parts, call.caller, watcher, call.request.headers.get("last-event-id"))
        if not await listener.begin():
            return Response(status_code=204)
        return EventStream(listener, stack.pop_all())


class EventStream(Response):
    """An answer that goes on until there is nothing more to tell, the reader has left or the process is to end."""

    def __init__(self, listener: Listener, place: contextlib.ExitStack) -> None:
        super().__init__(None, 200, _HEADERS)
        del self.headers["content-length"]
        self._listener = listener
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._place:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            ends = (self._tell(send), _left(receive), stopping_of(scope))
            tasks = [asyncio.ensure_future(end) for end in ends]
            try:
                await asyncio.wait(tasks, timeout=events.LONGEST_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                if tasks[0].done():
                    tasks[0].result()
            except IntaglioError as error:  # the client comes back by itself
                _log.warning("events were cut off: %s", error)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _tell(self, send: Send) -> None:
        await _send(send, _BEGIN)
        async with contextlib.aclosing(self._listener.batches()) as batches:
            async for batch in batches:
                await _send(send, _STILL_THERE if batch is None else written(batch))


async def _send(send: Send, text: bytes) -> None:
    await send({"type": "http.response.body", "body": text, "more_body": True})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def written(batch: Batch) -> bytes:
    """A batch on the wire; only its last event has an id, for who has not seen all of them has seen none."""
    lines = []
    for number, event in enumerate(batch.events, 1):
        kind, shown = _shown(event)
        data = msgspec.json.encode(shown).decode()
        mark = f"id: {batch.mark}\n" if number == len(batch.events) and batch.mark else ""
        lines.append(f"event: {kind}\ndata: {data}\n{mark}\n")
    return "".join(lines).encode()


def _shown(event: Event) -> tuple[EventKind, Mapping[str, Any]]:
    if isinstance(event, TaskEvent):
        progress = None if event.progress is None else progress_view(event.progress)
        return EventKind.TASK, {**msgspec.structs.asdict(event), "progress": progress}
    kind = EventKind.IMAGE if isinstance(event, ImageEvent) else EventKind.END
    return kind, msgspec.structs.asdict(event)
