"""What operators watch: the page of metrics, and how requests are counted for it."""

import ipaddress
from collections.abc import Mapping
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from intaglio.api.call import Call
from intaglio.api.settings import Network, RateClass
from intaglio.base.metrics import Counts, Family, product
from intaglio.services import watching

REQUESTS, SECONDS = "intaglio_requests_total", "intaglio_request_seconds_total"
FORMAT = "text/plain; version=0.0.4; charset=utf-8"
OTHER = "other"

_STATUSES = (
    *(status for status in HTTPStatus if status in {200, 201, 202, 204, 206, 300, 301, 302, 304}),
    *(status for status in HTTPStatus if 400 <= status < 600),  # noqa: PLR2004 - HTTP's own
)
_PROXIES = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


def families() -> tuple[Family, ...]:
    """What is counted of requests."""
    classes = tuple(RateClass)
    statuses = (*(str(int(status)) for status in _STATUSES), OTHER)
    return (
        Family(
            REQUESTS, "Requests answered, by class of call and status.", ("class", "status"), product(classes, statuses)
        ),
        Family(SECONDS, "Seconds that requests took until their answers had been sent.", ("class",), product(classes)),
    )


class Requests:
    """Counts what is answered; nothing where the parts count nothing."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        statuses = {int(status): str(int(status)) for status in _STATUSES}
        self._places: dict[tuple[RateClass, int], int] = {}
        self._others: Mapping[RateClass, int] = {}
        self._seconds: Mapping[RateClass, int] = {}
        if counts.has(REQUESTS):
            self._others = {rate: counts.place(REQUESTS, rate, OTHER) for rate in RateClass}
            self._seconds = {rate: counts.place(SECONDS, rate) for rate in RateClass}
            self._places = {
                (rate, number): counts.place(REQUESTS, rate, text)
                for rate in RateClass
                for number, text in statuses.items()
            }

    def add(self, rate: RateClass, status: int, seconds: float) -> None:
        """Count one."""
        if self._others:
            self._counts.add(self._places.get((rate, status), self._others[rate]))
            self._counts.add(self._seconds[rate], seconds)


def watches(request: Request, networks: tuple[Network, ...]) -> bool:
    """Whether the request comes straight from a place that the operator lets watch.

    One that a proxy passed on comes from elsewhere, whatever the address of its connection.
    """
    if any(name in request.headers for name in _PROXIES):
        return False
    try:
        address = ipaddress.ip_address(request.client.host if request.client else "")
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    return any(address in network for network in networks)


async def get(call: Call) -> Response:
    if not watches(call.request, call.settings.metrics_from):
        call.parts.policy.require("intaglio:metrics", call.caller, {})
    return Response(await watching.text(call.parts), media_type=FORMAT)
