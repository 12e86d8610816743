"""Answering a request whose body is still coming, so that the answer arrives.

Most clients send everything before they read anything, and a connection that is closed while they send is reset: they
would see a broken pipe, not the reason. So the answer is sent at once, for those who look, and the rest of the body is
read and thrown away for a while (nginx calls this a lingering close).
"""

import asyncio
import contextlib

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

LINGER_SECONDS = 30.0


class Body:
    """A request's `receive` that remembers whether everything has come."""

    __slots__ = ("_receive", "ended")

    def __init__(self, receive: Receive, *, expected: bool) -> None:
        self._receive = receive
        self.ended = not expected

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] != "http.request" or not message.get("more_body"):
            self.ended = True
        return message


async def answer(response: Response, scope: Scope, body: Body, send: Send) -> None:
    """Send `response`; when the body has not ended, go on reading it for at most `LINGER_SECONDS`."""
    if body.ended:
        await response(scope, body, send)
        return

    async def send_open(message: Message) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body"):
            await send({**message, "more_body": True})
        else:
            await send(message)

    # With its length known the answer would be over, and the connection closed, before the body is read.
    del response.headers["Content-Length"]
    await response(scope, body, send_open)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while not body.ended:
                await body()
    await send({"type": "http.response.body", "body": b"", "more_body": False})
