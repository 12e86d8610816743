"""Finds out which version of the API a request means, and answers with the list of versions when it means none."""

from urllib.parse import unquote_to_bytes

import msgspec
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from intaglio.api.errors import accept_of, send_error
from intaglio.api.middleware.proxy_headers import url_of_service
from intaglio.api.versions import Versions
from intaglio.base.errors import Invalid

_UNVERSIONED = ("/healthcheck", "/metrics", "/openapi.json")


class NotUtf8(Invalid):
    """The path is not text."""

    code = "not-utf-8"


class VersionNegotiation:
    """Rewrites every accepted version segment to `/v2`; all minors reach the same routes."""

    def __init__(self, app: ASGIApp, *, versions: Versions, public_endpoint: str | None) -> None:
        self.app = app
        self.versions = versions
        self.public_endpoint = public_endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _is_utf8(scope):
            await send_error(NotUtf8("The path must be UTF-8, percent-encoded."), scope, receive, send)
            return
        if scope["type"] != "http" or scope["path"].startswith("/v2/") or scope["path"] in _UNVERSIONED:
            await self.app(scope, receive, send)
            return
        path: str = scope["path"]
        segment, slash, rest = path.lstrip("/").partition("/")
        if segment == "versions":
            await self._document(scope, 200)(scope, receive, send)
        elif segment in self.versions.segments:
            await self.app(_at(scope, f"/v2{slash}{rest}"), receive, send)
        elif segment and segment[0] != "v" and self.versions.accepted(accept_of(scope)):
            await self.app(_at(scope, f"/v2{path}"), receive, send)
        else:
            await self._document(scope, 300)(scope, receive, send)

    def _base(self, scope: Scope) -> str:
        return (self.public_endpoint or url_of_service(scope)).rstrip("/")

    def _document(self, scope: Scope, status: int) -> Response:
        body = msgspec.json.encode(self.versions.document(self._base(scope)))
        return Response(body, status, media_type="application/json")


def _is_utf8(scope: Scope) -> bool:
    raw: bytes = scope.get("raw_path") or b""
    if b"%" not in raw:
        return True
    try:
        unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        return False
    return True


def _at(scope: Scope, path: str) -> Scope:
    return {**scope, "path": path, "raw_path": path.encode()}
