"""What uploads to S3 and to Swift share: cut into parts, made visible by one last request, taken back whole."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Coroutine
from typing import Any
from weakref import WeakValueDictionary

from intaglio.stores.base import Chunk, StoreError
from intaglio.stores.drivers.parts import Sending

_SETTLE = 10.0  # seconds a cancelled writer waits for a last request under way

_log = logging.getLogger(__name__)


class Turns:
    """A lock for each key that somebody here is about to finish an object of."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, key: str) -> asyncio.Lock:
        """The same for all who have it."""
        return self._locks.setdefault(key, asyncio.Lock())


class PartedUpload(ABC):
    """One `put`. After `write` failed or was cancelled, `abandon` must be awaited; nothing is left then."""

    def __init__(self, sending: Sending, turn: asyncio.Lock) -> None:
        """`turn` is held while an object of this key becomes visible, by one upload of this process at a time.

        Servers look whether a name is free when a request begins, if at all, and not again when it ends.
        """
        self._sending = sending
        self._turn = turn
        self._numbered = 0  # parts
        self._size = 0
        self._last: asyncio.Task[None] | None = None

    async def write(self, chunks: AsyncIterator[Chunk]) -> int:
        """Store everything and make it visible; the number of bytes. Raises as `Store.put`."""
        part, wanted = bytearray(), self._wanted()
        async for chunk in chunks:
            for buffer in chunk:
                view = memoryview(buffer).cast("B")
                while len(view):
                    taken = view[: wanted - len(part)]
                    part += taken
                    view = view[len(taken) :]
                    if len(part) == wanted:
                        await self._part(part)
                        part, wanted = bytearray(), self._wanted()
        await self._finish(part)
        return self._size

    async def abandon(self) -> None:
        """Take back whatever was done. Never raises: what cannot be taken back now is left to a sweep or a delete."""
        await self._sending.abandon()
        if self._last is not None:
            await asyncio.wait([self._last], timeout=_SETTLE)
            self._last.cancel()
            await asyncio.gather(self._last, return_exceptions=True)
        try:
            if self._last is not None and await self._is_ours():
                await self._take_back()
            await self._remove_parts()
        except StoreError as error:
            _log.warning("%s; the rest of an interrupted upload is removed later", error)

    async def _end_with(self, last: Coroutine[Any, Any, None]) -> None:
        """Not cancelled with its caller: what a server was told to make visible must be known to be so, or not."""

        async def in_turn() -> None:
            try:
                async with self._turn:
                    await last
            finally:
                last.close()

        self._last = asyncio.create_task(in_turn())
        await asyncio.shield(self._last)

    @abstractmethod
    def _wanted(self) -> int:
        """The length of the next part."""

    @abstractmethod
    async def _part(self, part: bytearray) -> None:
        """Send a part as soon as there is room for it among those on the way."""

    @abstractmethod
    async def _finish(self, rest: bytearray) -> None:
        """Send what is left, and make the object visible with `_end_with`."""

    @abstractmethod
    async def _is_ours(self) -> bool:
        """Whether the object that is there now is the one of this upload."""

    @abstractmethod
    async def _take_back(self) -> None:
        """Remove the object."""

    @abstractmethod
    async def _remove_parts(self) -> None:
        """Remove what was sent of it."""
