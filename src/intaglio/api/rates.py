"""How often a user, a project or an address may call: limits by class of call, counted before any work is done.

Counting itself is the library `limits`; it is imported by name when the first limited call comes, for that takes a
fifth of a second. Where the counts are kept, see `intaglio.api.rate_counts` and docs/adr/0031.
"""

import importlib
import ipaddress
import logging
import math
import time
from collections.abc import Mapping
from typing import Any, Protocol

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection

from intaglio.api.settings import RateClass, RateSettings, Rule
from intaglio.base.errors import Throttled
from intaglio.domain.principal import Principal

_log = logging.getLogger(__name__)

_COMPLAIN_SECONDS = 60.0


class RateLimited(Throttled):
    """The user, the project or the address made too many calls of this class; `Retry-After` says when to come back."""

    code = "rate-limited"

    def __init__(self, text: str, retry_after: int) -> None:
        super().__init__(text)
        self.http_headers = {"Retry-After": str(retry_after)}


class Counts(Protocol):
    """What `limits` offers of its strategies, as far as it is used here."""

    async def hit(self, item: Any, *identifiers: str) -> bool:
        """Count a call, unless that would be one too many."""
        ...

    async def get_window_stats(self, item: Any, *identifiers: str) -> tuple[float, int]:
        """When a call more will be allowed (seconds since 1970), and how many are left."""
        ...


class Standing:
    """Where one request stands with the limits it meets, in the header fields of draft-ietf-httpapi-ratelimit-headers.

    Draft 10 of that name: `RateLimit-Policy` says what is allowed (q calls in w seconds), `RateLimit` what is left (r
    calls, t seconds until there are more).
    """

    def __init__(self) -> None:
        self._policies: list[str] = []
        self._left: list[str] = []

    def add(self, name: str, rule: Rule, left: int, seconds: int) -> None:
        """One limit that the request met."""
        self._policies.append(f'"{name}";q={rule.calls};w={rule.seconds}')
        self._left.append(f'"{name}";r={left};t={seconds}')

    def put_on(self, headers: MutableHeaders) -> None:
        """Add both fields to an answer's headers, if any limit was met."""
        if self._policies:
            headers["RateLimit-Policy"] = ", ".join(self._policies)
            headers["RateLimit"] = ", ".join(self._left)


class Limiter:
    """Counts calls. When the counts cannot be kept (Redis is away) it says so in the log, and lets calls pass."""

    def __init__(self, settings: RateSettings) -> None:
        self._settings = settings
        self._counts: Counts | None = None
        self._items: dict[tuple[int, int], Any] = {}
        self._complained = -math.inf

    async def admit_address(self, rate: RateClass, request: HTTPConnection, standing: Standing) -> None:
        """Count a call from an address, before anybody knows who calls. Raises `RateLimited`."""
        if self._settings.rules.get(rate):
            address = _address(request, forwarded=self._settings.forwarded)
            await self._admit(rate, {"address": address} if address else {}, standing)

    async def admit_caller(self, rate: RateClass, principal: Principal, standing: Standing) -> None:
        """Count a call of a user of a project. Raises `RateLimited`."""
        who = {"user": principal.user_id, "project": principal.project_id}
        await self._admit(rate, {kind: name for kind, name in who.items() if name}, standing)

    async def close(self) -> None:
        """Release what the counts are kept in."""
        if self._counts is not None:
            await _module().close(self._counts)

    async def _admit(self, rate: RateClass, who: Mapping[str, str], standing: Standing) -> None:
        for rule in self._settings.rules.get(rate, ()):
            if rule.kind in who:
                await self._count(rate, rule, who[rule.kind], standing)

    async def _count(self, rate: RateClass, rule: Rule, name: str, standing: Standing) -> None:
        try:
            allowed, left, seconds = await self._hit(rate, rule, name)
        except _module().FAILURES as error:
            self._complain(error)
            return
        standing.add(f"{rate}-{rule.kind}", rule, left, seconds)
        if not allowed:
            allowance = f"{rule.calls} in {rule.seconds} s"
            text = f"Too many calls of the class '{rate}' from this {rule.kind}: {allowance} are allowed."
            raise RateLimited(f"{text} Try again in {seconds} s.", seconds)

    async def _hit(self, rate: RateClass, rule: Rule, name: str) -> tuple[bool, int, int]:
        """Whether the call is allowed, how many are left, and the seconds until there are more."""
        if self._counts is None:
            self._counts = _module().open_counts(self._settings)
        size = (rule.calls, rule.seconds)
        if size not in self._items:
            self._items[size] = _module().item(*size)
        allowed = await self._counts.hit(self._items[size], rate, rule.kind, name)
        more_at, left = await self._counts.get_window_stats(self._items[size], rate, rule.kind, name)
        return allowed, left if allowed else 0, max(1, math.ceil(more_at - time.time()))

    def _complain(self, error: Exception) -> None:
        now = time.monotonic()
        if now - self._complained >= _COMPLAIN_SECONDS:
            self._complained = now
            _log.error("calls are not counted, and so not limited, at this moment: %s", type(error).__name__)


def _address(request: HTTPConnection, *, forwarded: bool) -> str:
    """Where a call comes from; of IPv6 the network of 64 bits, for one customer has at least that many addresses.

    Of several addresses in `X-Forwarded-For` the last one counts: the proxy in front added it, the client the others.
    """
    text = request.client.host if request.client else ""
    if forwarded and (named := request.headers.getlist("x-forwarded-for")):
        text = named[-1].rpartition(",")[2].strip()
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text[:64]
    if address.version == 6:  # noqa: PLR2004 - of the protocol
        return str(ipaddress.ip_network((address, 64), strict=False))
    return text


def _module() -> Any:
    return importlib.import_module("intaglio.api.rate_counts")
