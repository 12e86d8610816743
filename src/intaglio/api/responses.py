"""The forms in which answers are sent."""

import logging
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from intaglio.base.errors import IntaglioError

_log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode


def json_response(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON document; enumerations, tuples and structs are written as their values."""
    return Response(_encode(document), status, headers, media_type="application/json")


class FileResponse(Response):
    """A whole local file, sent by the server itself (ASGI's `http.response.pathsend` extension)."""

    def __init__(self, path: Path, size: int, headers: Mapping[str, str]) -> None:
        super().__init__(None, 200, {**headers, "Content-Length": str(size)})
        self.path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.pathsend", "path": str(self.path)})


class StreamResponse(Response):
    """Bytes that come piece by piece; the source is closed when the reader has left."""

    def __init__(self, pieces: AsyncIterator[bytes], length: int, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(None, status, {**headers, "Content-Length": str(length)})
        self.pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            async for piece in self.pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except IntaglioError as error:  # the answer has begun: only a connection that ends early can tell
            _log.error("an answer was cut off: %s", error)
        finally:
            close = getattr(self.pieces, "aclose", None)
            if close is not None:
                await close()
