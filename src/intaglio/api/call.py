"""One request on its way to a use case: what every handler is given."""

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.requests import Request

from intaglio.api.middleware.proxy_headers import url_of_service
from intaglio.api.settings import ApiSettings
from intaglio.authz.engine import Caller
from intaglio.base.errors import Invalid, TooLarge
from intaglio.services.parts import Parts
from intaglio.signatures.base import Asker

JSON_LIMIT = 4 * 1024 * 1024  # bytes of a JSON body: far above the largest image record that fits the limits


class InvalidBody(Invalid):
    """The request's body is not what this call takes."""

    code = "invalid-body"


class BodyTooLarge(TooLarge):
    """The JSON body is larger than any record could need."""

    code = "body-too-large"


def base_url(settings: ApiSettings, request: Request) -> str:
    """Where clients reach this service, without a slash at the end."""
    return (settings.public_endpoint or url_of_service(request.scope)).rstrip("/")


class Call:
    """A request, who makes it, and the parts of the service that can answer it."""

    __slots__ = ("caller", "parts", "request", "settings")

    def __init__(self, request: Request, caller: Caller, parts: Parts, settings: ApiSettings) -> None:
        self.request = request
        self.caller = caller
        self.parts = parts
        self.settings = settings

    @property
    def path(self) -> Mapping[str, str]:
        """The variable segments of the path."""
        return self.request.path_params

    @property
    def asker(self) -> Asker:
        """The caller as the key manager may be told of him."""
        return Asker(token=self.request.headers.get("x-auth-token"), project_id=self.caller.principal.project_id)

    @property
    def base_url(self) -> str:
        """Where clients reach this service, without a slash at the end."""
        return base_url(self.settings, self.request)

    async def json(self) -> Any:
        """The body as a JSON document. Raises `InvalidBody`, `BodyTooLarge`."""
        body = bytearray()
        async for piece in self.request.stream():
            body += piece
            if len(body) > JSON_LIMIT:
                raise BodyTooLarge(f"The body is larger than {JSON_LIMIT} bytes.")
        try:
            return msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidBody(f"The body is not a JSON document: {error}.") from None

    async def json_object(self) -> dict[str, Any]:
        """The body as a JSON object. Raises `InvalidBody`, `BodyTooLarge`."""
        document = await self.json()
        if not isinstance(document, dict):
            raise InvalidBody('The body must be a JSON object, such as {"name": "…"}.')
        return document
