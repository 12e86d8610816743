"""Gives every kind of error its HTTP status, and writes the answer in the form the clients parse.

The clients read an HTML page or plain text, and show what stands between the tags; JSON they do not expect here.
"""

import html
import logging
from http import HTTPStatus

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from intaglio.base import errors
from intaglio.stores import base as stores

_log = logging.getLogger(__name__)

STATUS_OF_KIND: dict[type[errors.IntaglioError], HTTPStatus] = {
    errors.Invalid: HTTPStatus.BAD_REQUEST,
    errors.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.Gone: HTTPStatus.GONE,
    errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.Throttled: HTTPStatus.TOO_MANY_REQUESTS,
    errors.UnsupportedMedia: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.RangeUnsatisfiable: HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    stores.Full: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    stores.Exists: HTTPStatus.CONFLICT,
    stores.StoreError: HTTPStatus.SERVICE_UNAVAILABLE,
}


def status_of(error: type[errors.IntaglioError]) -> HTTPStatus:
    """The status of the nearest kind among the error's classes; 500 when none of them is a kind."""
    for cls in error.__mro__:
        if cls in STATUS_OF_KIND:
            return STATUS_OF_KIND[cls]
    return HTTPStatus.INTERNAL_SERVER_ERROR


class ErrorResponse(Response):
    """An error as plain text for those who ask for that, as a small HTML page for everybody else.

    Also for those who ask for JSON: openstacksdk does, and shows what stands in an HTML page, but no plain text.
    """

    def __init__(
        self, status: HTTPStatus, reason: str, *, accept: str = "*/*", headers: dict[str, str] | None = None
    ) -> None:
        title = f"{status.value} {status.phrase}"
        as_html = "text/plain" not in accept or "html" in accept or "*/*" in accept
        if as_html:
            body = (
                f"<html>\n <head>\n  <title>{title}</title>\n </head>\n <body>\n  <h1>{title}</h1>\n"
                f"  {html.escape(reason, quote=False)}<br /><br />\n\n\n </body>\n</html>"
            )
        else:
            body = f"{title}\n\n{reason}\n"
        super().__init__(body, status, headers, media_type="text/html" if as_html else "text/plain")


def error_response(error: errors.IntaglioError, accept: str) -> ErrorResponse:
    """The answer to a request that ended in `error`."""
    status = status_of(type(error))
    headers = {"X-Intaglio-Error": error.code, **getattr(error, "http_headers", {})}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = "5"
        _log.error("%s: %s", error.code, error)
    return ErrorResponse(status, str(error), accept=accept, headers=headers)


async def send_error(error: errors.IntaglioError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request with `error` from outside the handlers."""
    await error_response(error, accept_of(scope))(scope, receive, send)


def accept_of(scope: Scope) -> str:
    """The request's Accept header, which decides the form of an error."""
    for name, value in scope["headers"]:
        if name == b"accept":
            return str(value.decode("latin-1"))
    return "*/*"
