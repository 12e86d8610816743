"""Reading a body: never longer than it may be, never shorter than it was said to be, never slower than is bearable."""

import asyncio
import time
from collections.abc import AsyncGenerator

import aiohttp

from intaglio.outbound.answers import require_within
from intaglio.outbound.base import Facts, FetchFailed, Reason
from intaglio.outbound.connecting import explained
from intaglio.outbound.settings import Patience
from intaglio.outbound.urls import Target


class Body:
    """The download whose answer is `response`; see `outbound.base.Download`."""

    def __init__(
        self,
        target: Target,
        response: aiohttp.ClientResponse,
        patience: Patience,
        *,
        facts: Facts,
        offset: int,
        end: int | None,
        size_cap: int,
    ) -> None:
        """`end`: the byte that the answer ends before, None where nobody knows."""
        self.facts = facts
        self.offset = offset
        self._target = target
        self._response = response
        self._patience = patience
        self._cap = size_cap
        self._end = end

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The bytes as they come."""
        pace = _Pace(self._target, self._patience)
        at = self.offset
        while piece := await self._read(pace):
            at += len(piece)
            require_within(self._cap, at, self._target)
            pace.count(len(piece))
            yield piece
        if self._end not in {None, at}:
            text = f"{self._target} ended after {at} of the {self._end} bytes that were announced."
            raise FetchFailed(Reason.SHORT, text, again=True)

    async def _read(self, pace: "_Pace") -> bytes:
        began = time.monotonic()
        try:
            with explained(self._target):
                async with asyncio.timeout(self._patience.stall):
                    return await self._response.content.readany()
        except FetchFailed as failed:
            if isinstance(failed.__cause__, TimeoutError):
                text = f"{self._target.authority} sent nothing for {self._patience.stall:g} s."
                raise FetchFailed(Reason.STALL, text, again=True) from failed
            raise
        finally:
            pace.waited += time.monotonic() - began


class _Pace:
    """Whether bytes come fast enough. Only waiting for the source counts, not what is done with its bytes."""

    def __init__(self, target: Target, patience: Patience) -> None:
        self._target = target
        self._patience = patience
        self._end = time.monotonic() + patience.total
        self._came = 0
        self.waited = 0.0

    def count(self, size: int) -> None:
        """Take note of `size` bytes. Raises `FetchFailed`."""
        patience = self._patience
        self._came += size
        if time.monotonic() > self._end:
            text = f"{self._target.authority} did not send everything within {patience.total:g} s."
            raise FetchFailed(Reason.TOTAL_TIME, text)
        if self.waited < patience.window:
            return
        if self._came < patience.slowest * self.waited:
            text = f"{self._target.authority} sends less than {patience.slowest:g} bytes a second."
            raise FetchFailed(Reason.SLOW, text)
        self._came, self.waited = 0, 0.0
