"""The fetcher, over aiohttp, which takes a while to import: so this is imported by name where it is needed."""

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping

import aiohttp
import msgspec
from yarl import URL

from intaglio.outbound.addresses import Address
from intaglio.outbound.answers import REDIRECTS, judged, judged_part, require_within
from intaglio.outbound.base import Facts, FetchFailed, FetchRefused, Reason, Wanted
from intaglio.outbound.body import Body
from intaglio.outbound.connecting import Dial, explained, plain_socket, session
from intaglio.outbound.resolving import Resolve, addresses_of, by_system, vetted
from intaglio.outbound.rules import Rules
from intaglio.outbound.settings import OutboundSettings
from intaglio.outbound.urls import Target, read, scheme_of

_OUT_OF_RANGE = 416


class HttpFetcher:
    """See `outbound.base.Fetcher`. Keeps nothing between two calls: no connection, no cookie, no address."""

    def __init__(self, settings: OutboundSettings, *, resolve: Resolve = by_system, dial: Dial = plain_socket) -> None:
        self._settings = settings
        self._rules = Rules(settings)
        self._resolve = resolve
        self._dial = dial
        self._tls: ssl.SSLContext | None = None

    @contextlib.asynccontextmanager
    async def open(self, wanted: Wanted, *, offset: int = 0, known: Facts | None = None) -> AsyncIterator[Body]:
        """Follow redirects to the file; see the protocol."""
        continued = offset if known is not None and wanted.continuable(known) else 0
        async with contextlib.AsyncExitStack() as stack:
            target, response = await self._found(stack, wanted, _ranged(continued, known))
            if response.status == _OUT_OF_RANGE and continued:  # it has become shorter, so it is another file
                await stack.aclose()
                continued = 0
                target, response = await self._found(stack, wanted, {})
            facts, first = judged(target, response.status, response.headers, continued, known)
            require_within(wanted.size_cap, facts.size, target)
            yield self._body(target, response, wanted, facts, first, facts.size)

    @contextlib.asynccontextmanager
    async def part(self, wanted: Wanted, offset: int, length: int | None) -> AsyncIterator[Body]:
        """Follow redirects to a part of the file; see the protocol."""
        whole = (offset, length) == (0, None)
        last = "" if length is None else offset + length - 1
        async with contextlib.AsyncExitStack() as stack:
            asked = {} if whole else {"Range": f"bytes={offset}-{last}"}
            target, response = await self._found(stack, wanted, asked)
            facts, first, end = judged_part(target, response.status, response.headers, offset, length)
            require_within(wanted.size_cap, facts.size, target)
            yield self._body(target, response, wanted, facts, first, end)

    def _body(
        self,
        target: Target,
        response: aiohttp.ClientResponse,
        wanted: Wanted,
        facts: Facts,
        offset: int,
        end: int | None,
    ) -> Body:
        patience = self._settings.patience
        return Body(target, response, patience, facts=facts, offset=offset, end=end, size_cap=wanted.size_cap)

    async def _found(
        self, stack: contextlib.AsyncExitStack, wanted: Wanted, ranged: Mapping[str, str]
    ) -> tuple[Target, aiohttp.ClientResponse]:
        """The answer that is no redirect, and where it came from."""
        first = target = self._first(wanted)
        for _ in range(self._settings.redirects + 1):
            headers = dict(ranged)
            trusted = wanted.trusted and target.origin == first.origin
            if target.origin == first.origin:
                headers |= {**_basic(first), **wanted.headers}
            response = await self._ask(stack, target, headers, trusted=trusted)
            if response.status not in REDIRECTS:
                return target, response
            target = self._next(target, first, response.headers.get("Location", "").strip(), wanted)
            await stack.aclose()
        raise FetchFailed(
            Reason.REDIRECTS, f"{first} redirects more than {self._settings.redirects} times; use the last address."
        )

    def _first(self, wanted: Wanted) -> Target:
        return read(*scheme_of(wanted.url)) if wanted.trusted else self._rules.target(wanted.url)

    def _next(self, target: Target, first: Target, location: str, wanted: Wanted) -> Target:
        if not location:
            raise FetchFailed(Reason.LOCATION, f"{target} redirects, and does not say where to.")
        try:
            url = target.joined(location)
            following = (
                read(*scheme_of(url)) if wanted.trusted and _same_origin(url, first) else self._rules.target(url)
            )
        except ValueError:
            raise FetchRefused(Reason.FORM, f"{target} redirects to what is no URL.") from None
        except FetchRefused as refused:
            raise FetchRefused(refused.reason, f"{target} redirects to another address. {refused}") from None
        if target.scheme == "https" and following.scheme == "http":
            raise FetchRefused(Reason.DOWNGRADE, f"{target} redirects from https to http.")
        # a redirect brings no credentials of its own
        return msgspec.structs.replace(following, user=None, password="")

    async def _ask(
        self, stack: contextlib.AsyncExitStack, target: Target, headers: Mapping[str, str], *, trusted: bool
    ) -> aiohttp.ClientResponse:
        patience = self._settings.patience
        addresses = await self._addresses(target, trusted=trusted)
        opened = await stack.enter_async_context(
            session(addresses, self._dial, self._context(target), patience.connect)
        )
        try:
            with explained(target):
                async with asyncio.timeout(patience.connect + patience.first_byte):
                    response = await opened.get(
                        URL(target.url, encoded=True),
                        headers={"User-Agent": "intaglio", "Accept": "*/*", "Accept-Encoding": "identity", **headers},
                        allow_redirects=False,
                        proxy=None if trusted else self._settings.proxy_for(target.scheme),
                    )
        except FetchFailed as failed:
            if type(failed.__cause__) is TimeoutError:
                text = f"{target.authority} did not begin to answer in time."
                raise FetchFailed(Reason.FIRST_BYTE_TIME, text, again=True) from failed
            raise
        stack.callback(response.close)
        return response

    async def _addresses(self, target: Target, *, trusted: bool) -> tuple[Address, ...]:
        """What may be connected to: the vetted addresses, or those of what the operator named."""
        seconds = self._settings.patience.connect
        if trusted:
            return await addresses_of(self._resolve, target, seconds)
        proxy = self._settings.proxy_for(target.scheme)
        if proxy is not None:
            return await addresses_of(self._resolve, read(*scheme_of(proxy)), seconds)
        return await vetted(self._rules, self._resolve, target, seconds)

    def _context(self, target: Target) -> ssl.SSLContext | None:
        """What is trusted; loading that takes a while, and only https needs it."""
        if target.scheme != "https" and not (self._settings.proxy_for(target.scheme) or "").startswith("https:"):
            return None
        if self._tls is None:
            self._tls = _trust(self._settings)
        return self._tls


def _trust(settings: OutboundSettings) -> ssl.SSLContext:
    """The operator's authorities beside the system's, or alone; or any certificate, where the operator insists."""
    alone = settings.ca_file if settings.ca_alone else None
    context = ssl.create_default_context(cafile=alone)
    if settings.ca_file is not None and alone is None:
        context.load_verify_locations(settings.ca_file)
    if settings.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _ranged(offset: int, known: Facts | None) -> dict[str, str]:
    if not offset or known is None:
        return {}
    condition = {} if known.validator is None else {"If-Range": known.validator}
    return {"Range": f"bytes={offset}-", **condition}


def _basic(target: Target) -> dict[str, str]:
    if target.user is None:
        return {}
    credentials = f"{target.user}:{target.password}".encode()
    return {"Authorization": "Basic " + base64.b64encode(credentials).decode()}


def _same_origin(url: str, first: Target) -> bool:
    scheme, rest = scheme_of(url)
    return scheme in {"http", "https"} and read(scheme, rest).origin == first.origin
