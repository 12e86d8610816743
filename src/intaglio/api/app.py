"""Assembles the ASGI application: the routes table behind version negotiation, request ids and authentication."""

import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route as StarletteRoute
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from intaglio.api.call import Call, InvalidBody, base_url
from intaglio.api.errors import ErrorResponse, accept_of, error_response
from intaglio.api.linger import Body, answer
from intaglio.api.metrics import Requests, watches
from intaglio.api.middleware.cors import Cors
from intaglio.api.middleware.proxy_headers import ProxyHeaders
from intaglio.api.middleware.request_id import RequestId
from intaglio.api.middleware.version_negotiation import VersionNegotiation
from intaglio.api.rates import Limiter, Standing
from intaglio.api.route import Route
from intaglio.api.routes import ROUTES
from intaglio.api.settings import ApiSettings, CorsSettings, RateClass
from intaglio.api.versions import Versions
from intaglio.authz.engine import Caller
from intaglio.base.errors import Forbidden, IntaglioError, Unauthenticated
from intaglio.domain.principal import Principal
from intaglio.identity.base import Asked, Authenticator, CredentialsMissing
from intaglio.services.parts import Parts

_log = logging.getLogger(__name__)
_STRANGER = Caller(Principal(read_only=True))
_READING = frozenset({"GET", "HEAD"})


class ReadOnly(Forbidden):
    """The caller showed no credentials, and wants to change something."""

    code = "read-only"


class Service(msgspec.Struct, frozen=True):
    """What all endpoints share."""

    parts: Parts
    settings: ApiSettings
    authenticator: Authenticator
    limiter: Limiter
    requests: Requests


class Endpoint:
    """All calls on one path: picks the one for the method, finds out who asks, and turns errors into answers."""

    def __init__(self, routes: Iterable[Route], service: Service) -> None:
        self.routes = {route.method: route for route in routes}
        self.parts = service.parts
        self.settings = service.settings
        self.authenticator = service.authenticator
        self.limiter = service.limiter
        self.requests = service.requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = time.perf_counter()
        body = Body(receive, expected=_has_body(scope))
        request = Request(scope, body)
        standing = Standing()
        try:
            response = await self._answer(request, standing)
        except IntaglioError as error:
            response = error_response(error, accept_of(scope))
            if isinstance(error, Unauthenticated):
                response.headers["WWW-Authenticate"] = self.authenticator.challenge
        except ClientDisconnect:
            return
        except Exception:  # noqa: BLE001 - the last line of defence: logged whole, answered without details
            _log.exception("%s %s failed", request.method, request.url.path)
            reason = "The service failed to answer this; its log has the details under the request id."
            response = ErrorResponse(HTTPStatus.INTERNAL_SERVER_ERROR, reason, accept=accept_of(scope))
        standing.put_on(response.headers)
        try:
            await answer(response, scope, body, send)
        finally:
            route = self.routes.get(request.method)
            rate = RateClass.OTHER if route is None else route.rate
            self.requests.add(rate, response.status_code, time.perf_counter() - begun)

    async def _answer(self, request: Request, standing: Standing) -> Response:
        route = self.routes.get(request.method)
        rate = RateClass.OTHER if route is None else route.rate
        await self.limiter.admit_address(rate, request, standing)
        caller = _STRANGER
        if route is None or not (route.public or self._watches(route, request)):
            caller = await self._caller(request)
            await self.limiter.admit_caller(rate, caller.principal, standing)
        if route is None:
            allowed = ", ".join(sorted(self.routes))
            reason = f"{request.method} is not allowed here; these are: {allowed}."
            accept = request.headers.get("accept", "*/*")
            return ErrorResponse(HTTPStatus.METHOD_NOT_ALLOWED, reason, accept=accept, headers={"Allow": allowed})
        if route.request is None and _has_body(request.scope):
            raise InvalidBody(f"{request.method} takes no body here.")
        if caller.principal.read_only and not route.public and request.method not in _READING:
            raise ReadOnly("Who shows no credentials may only read here.")
        return await route.handler(Call(request, caller, self.parts, self.settings))

    def _watches(self, route: Route, request: Request) -> bool:
        return route.watched and watches(request, self.settings.metrics_from)

    async def _caller(self, request: Request) -> Caller:
        peer = request.client.host if request.client else None
        asked = Asked(request.headers, request.method, request.scope["path"], peer)
        try:
            return self.parts.policy.caller(await self.authenticator.authenticate(asked))
        except CredentialsMissing:
            if not self.settings.allow_anonymous_access:
                raise
            return _STRANGER


def _has_body(scope: Scope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )


class _Absent(Endpoint):
    """What answers on paths that no route has: 404, after the caller has been identified."""

    async def _answer(self, request: Request, standing: Standing) -> Response:
        await self.limiter.admit_address(RateClass.OTHER, request, standing)
        caller = await self._caller(request)
        await self.limiter.admit_caller(RateClass.OTHER, caller.principal, standing)
        if request.url.path == "/v2":
            return RedirectResponse(f"{base_url(self.settings, request)}/v2/", HTTPStatus.FOUND)
        accept = request.headers.get("accept", "*/*")
        return ErrorResponse(HTTPStatus.NOT_FOUND, "There is nothing at this path.", accept=accept)


Hook = Callable[[], Awaitable[None]]


class Lifespan:
    """Runs `start` before the first request and `stop` after the last one."""

    def __init__(self, app: ASGIApp, *, start: Hook, stop: Hook) -> None:
        self.app = app
        self.start = start
        self.stop = stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self.app(scope, receive, send)
            return
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await self.start()
                except IntaglioError as error:
                    await send({"type": "lifespan.startup.failed", "message": str(error)})
                    return
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return


def make_application(
    parts: Parts, settings: ApiSettings, authenticator: Authenticator, limiter: Limiter, *, cors: CorsSettings
) -> ASGIApp:
    """The whole API as one ASGI application; it holds no state beyond what it is given."""
    service = Service(parts, settings, authenticator, limiter, Requests(parts.counts))
    by_path: dict[str, list[Route]] = {}
    for route in ROUTES:
        by_path.setdefault(route.path, []).append(route)
    router = Router(
        routes=[StarletteRoute(path, Endpoint(routes, service)) for path, routes in by_path.items()],
        redirect_slashes=False,
        default=_Absent((), service),
    )
    versions = Versions(multi_store=parts.stores.multi, cache=settings.image_cache_dir is not None)
    negotiated = VersionNegotiation(router, versions=versions, public_endpoint=settings.public_endpoint)
    located = ProxyHeaders(negotiated) if settings.enable_proxy_headers_parsing else negotiated
    return RequestId(Cors(located, cors), limit=settings.max_request_id_length)
