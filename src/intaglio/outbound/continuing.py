"""A download that goes on where its connection broke, as long as the source still has the same file."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable

from intaglio.outbound.base import Download, Facts, Fetcher, FetchFailed, Reason, Wanted
from intaglio.outbound.settings import Patience

_log = logging.getLogger(__name__)

_PROGRESS = 16 << 20  # bytes that make up for the failures before them


Tell = Callable[[FetchFailed], None]


def _silent(failed: FetchFailed) -> None:
    """Nobody wants to know."""


@contextlib.asynccontextmanager
async def download(
    fetcher: Fetcher,
    wanted: Wanted,
    patience: Patience,
    *,
    offset: int = 0,
    known: Facts | None = None,
    tell: Tell = _silent,
) -> AsyncIterator[Download]:
    """What `Fetcher.open` gives, tried again and continued as `patience` says; `tell` hears of each failure before.

    The same errors are raised, `FetchFailed` also where a broken download cannot be continued.
    """
    going = _Going(fetcher, wanted, patience, tell)
    try:
        await going.open(offset, known)
        yield going
    finally:
        await going.close()


class _Going:
    def __init__(self, fetcher: Fetcher, wanted: Wanted, patience: Patience, tell: Tell) -> None:
        self._fetcher = fetcher
        self._tell = tell
        self._wanted = wanted
        self._patience = patience
        self._end = time.monotonic() + patience.total
        self._failures = 0
        self._stack = contextlib.AsyncExitStack()
        self._now: Download | None = None
        self.facts = Facts()
        self.offset = 0

    async def open(self, offset: int, known: Facts | None) -> None:
        self._now = await self._opened(offset, known)
        self.facts, self.offset = self._now.facts, self._now.offset

    async def close(self) -> None:
        self._now = None
        await self._stack.aclose()

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The bytes to the end of the file, over as many connections as it takes."""
        at = good = self.offset
        while self._now is not None:
            try:
                async with contextlib.aclosing(self._now.pieces()) as pieces:
                    async for piece in pieces:
                        at += len(piece)
                        yield piece
            except FetchFailed as failed:
                if at - good >= _PROGRESS:
                    self._failures, good = 0, at
                await self._recover(failed, at)
            else:
                return

    async def _recover(self, failed: FetchFailed, at: int) -> None:
        if at and not self._wanted.continuable(self.facts):
            raise failed
        await self._pause(failed)
        self._now = await self._opened(at, self.facts)
        if self._now.offset != at:
            text = "The file at the source has changed while it was fetched."
            raise FetchFailed(Reason.RANGE, text, again=True) from failed

    async def _opened(self, offset: int, known: Facts | None) -> Download:
        while True:
            await self._stack.aclose()
            try:
                return await self._stack.enter_async_context(
                    self._fetcher.open(self._wanted, offset=offset, known=known)
                )
            except FetchFailed as failed:
                await self._pause(failed)

    async def _pause(self, failed: FetchFailed) -> None:
        """Wait before the next attempt. Raises `failed` when there is none."""
        self._failures += 1
        if not failed.again or self._failures >= self._patience.attempts or time.monotonic() > self._end:
            raise failed
        _log.warning("attempt %d: %s", self._failures, failed)
        self._tell(failed)
        await asyncio.sleep(self._patience.pause * 2 ** (self._failures - 1))
