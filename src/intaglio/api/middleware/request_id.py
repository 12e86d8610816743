"""Gives every request an id, takes over the caller's, and sends it back."""

import re
import uuid

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from intaglio.api.errors import send_error
from intaglio.base.errors import IntaglioError, Invalid
from intaglio.base.log import request_id as current_request_id

_PREFIX = b"req-"
_SAFE = re.compile(rb"[\x21-\x7e]+")


class RequestIdTooLong(Invalid):
    """The request id that the caller sent is longer than the service keeps."""

    code = "request-id-too-long"


class RequestId:
    """Adds `X-Openstack-Request-Id` to every answer; an inbound id is used again, with `req-` before it."""

    def __init__(self, app: ASGIApp, *, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        identifier, error = self._identify(scope)
        current_request_id.set(identifier.decode())

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-openstack-request-id", identifier)]
            await send(message)

        if error is not None:
            await send_error(error, scope, receive, send_with_id)
            return
        await self.app(scope, receive, send_with_id)

    def _identify(self, scope: Scope) -> tuple[bytes, IntaglioError | None]:
        for name, value in scope["headers"]:
            if name == b"x-openstack-request-id" and value:
                if len(value) > self.limit:
                    reason = f"X-Openstack-Request-ID has {len(value)} characters; at most {self.limit} are allowed."
                    return _new(), RequestIdTooLong(reason)
                if _SAFE.fullmatch(value):
                    return (value if value.startswith(_PREFIX) else _PREFIX + value), None
        return _new(), None


def _new() -> bytes:
    return _PREFIX + str(uuid.uuid4()).encode()
