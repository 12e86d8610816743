"""What one row of the routes table says."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.responses import Response

from intaglio.api.call import Call
from intaglio.api.settings import RateClass

Handler = Callable[[Call], Awaitable[Response]]


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One call. `rules` are all policy rules it asks, in that order; `errors` map statuses to when they are answered.

    A test walks the table: a rule that a call asks without naming it here fails there, and so does one named in vain.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    success: dict[int, str]
    rules: tuple[str, ...] = ()
    parameters: tuple[dict[str, Any], ...] = ()
    request: str | None = None  # the name of the request body in the OpenAPI document
    response: str | None = None  # and of the answer's
    errors: dict[int, str] = {}
    public: bool = False  # answered without credentials
    watched: bool = False  # and so is this, but only to those who come from where the operator watches
    rate: RateClass = RateClass.OTHER  # which limit of calls counts it
