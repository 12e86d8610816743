"""Lets pages of other sites call the API from a browser (CORS), as far as the operator allows it.

Every OPTIONS request is answered here, before anybody is asked who they are: a browser asks without credentials.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from intaglio.api.settings import CorsSettings

Headers = list[tuple[bytes, bytes]]

# what a page may send without asking, says the Fetch standard (and some more that oslo.middleware lets pass)
_SIMPLE = frozenset(
    {
        "accept",
        "accept-language",
        "cache-control",
        "content-language",
        "content-type",
        "expires",
        "last-modified",
        "pragma",
    }
)


class Cors:
    """Adds `Access-Control-…` headers for the sites in `settings`; other sites get the answer without them."""

    def __init__(self, app: ASGIApp, settings: CorsSettings) -> None:
        self.app = app
        self.settings = settings
        self._methods = {method.upper() for method in settings.allow_methods}
        self._headers = _SIMPLE | {header.lower() for header in settings.allow_headers}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS":
            headers = [(b"content-length", b"0"), *self._preflight(scope)]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        added = self._answer(scope)
        if not added:
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *added]
            await send(message)

        await self.app(scope, receive, send_with_headers)

    def _answer(self, scope: Scope) -> Headers:
        allowed = self._origin(scope)
        if allowed and self.settings.expose_headers:
            allowed.append((b"access-control-expose-headers", ",".join(self.settings.expose_headers).encode()))
        return allowed

    def _preflight(self, scope: Scope) -> Headers:
        """The headers that say yes, or none: a browser takes that for a no."""
        allowed = self._origin(scope)
        method = _header(scope, b"access-control-request-method")
        wanted = _header(scope, b"access-control-request-headers") or ""
        headers = [header.strip() for header in wanted.split(",") if header.strip()]
        if not allowed or method not in self._methods or any(each.lower() not in self._headers for each in headers):
            return []
        allowed.append((b"access-control-max-age", str(self.settings.max_age).encode()))
        allowed.append((b"access-control-allow-methods", method.encode()))
        if headers:
            allowed.append((b"access-control-allow-headers", ",".join(headers).encode("latin-1")))
        return allowed

    def _origin(self, scope: Scope) -> Headers:
        origin = _header(scope, b"origin")
        if not origin or not {origin, "*"} & set(self.settings.allowed_origin):
            return []
        everybody = origin not in self.settings.allowed_origin
        headers = [
            (b"vary", b"Origin"),
            (b"access-control-allow-origin", b"*" if everybody else origin.encode("latin-1")),
        ]
        if self.settings.allow_credentials and not everybody:  # a browser refuses both together
            headers.append((b"access-control-allow-credentials", b"true"))
        return headers


def _header(scope: Scope, wanted: bytes) -> str | None:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == wanted), None)
