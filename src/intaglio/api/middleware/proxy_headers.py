"""Takes scheme, host and prefix of a request from the headers that a reverse proxy sets, when the operator says so.

The address of the connection stays as it is: what believes in addresses believes in that one.
"""

import re
from collections.abc import Mapping

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

_SCHEMES = frozenset({"http", "https"})
_HOST = re.compile(r"[A-Za-z0-9._~-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+/?")
_IN_SCOPE = "intaglio.prefix"  # not ASGI's root_path, which would have to stand in the path as well
_NAMES = {b"forwarded", b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-prefix"}


def url_of_service(scope: Scope) -> str:
    """Where the client of this request reaches the service, without a slash at the end."""
    return str(Request(scope).base_url).rstrip("/") + str(scope.get(_IN_SCOPE, ""))


class ProxyHeaders:
    """Believes `Forwarded` (RFC 7239), or else `X-Forwarded-Proto` and `-Host`; and `X-Forwarded-Prefix`.

    Of several proxies the first counts, which is the one that the client spoke to. What is not a scheme, a host or a
    path is passed over.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            found = {name: value.decode("latin-1") for name, value in scope["headers"] if name in _NAMES}
            if found:
                scope = _as_seen_by_the_client(scope, found)
        await self.app(scope, receive, send)


def _as_seen_by_the_client(scope: Scope, found: Mapping[bytes, str]) -> Scope:
    seen = _forwarded(found[b"forwarded"]) if b"forwarded" in found else _x_forwarded(found)
    changed: dict[str, object] = {}
    if seen.get("proto", "").lower() in _SCHEMES:
        changed["scheme"] = seen["proto"].lower()
    if _HOST.fullmatch(seen.get("host", "")):
        others = [(name, value) for name, value in scope["headers"] if name != b"host"]
        changed["headers"] = [(b"host", seen["host"].encode()), *others]
    if _PREFIX.fullmatch(prefix := _first(found.get(b"x-forwarded-prefix", ""))):
        changed[_IN_SCOPE] = prefix.rstrip("/")
    return {**scope, **changed}


def _forwarded(text: str) -> Mapping[str, str]:
    pairs = (pair.partition("=") for pair in _first(text).split(";"))
    return {name.strip().lower(): value.strip().strip('"') for name, _equals, value in pairs}


def _x_forwarded(found: Mapping[bytes, str]) -> Mapping[str, str]:
    return {name: _first(found.get(f"x-forwarded-{name}".encode(), "")) for name in ("proto", "host")}


def _first(text: str) -> str:
    return text.partition(",")[0].strip()
