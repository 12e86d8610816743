"""A disk that is written from its beginning to its end, as a stream of its bytes."""

import asyncio
import errno
from collections import deque
from collections.abc import AsyncGenerator

from intaglio.stores.base import holes

PIECE = 1 << 20
_WAITING = 4  # writes that wait to be taken


class Pipe:
    """An export that takes writes in order; what is left out between them is zeros."""

    writable = True

    def __init__(self, size: int) -> None:
        self.size = size
        self._written = 0
        self._room = asyncio.Semaphore(_WAITING)
        self._there = asyncio.Event()
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._ended = False

    async def read(self, _offset: int, _length: int, /) -> bytes:
        """Refuse: what was written is gone."""
        raise OSError(errno.EIO, "a stream is not read back")

    async def write(self, offset: int, data: memoryview) -> None:
        """Pass on a copy, as soon as there is room for it."""
        await self._room.acquire()
        if offset < self._written:
            raise OSError(errno.EIO, "a stream is not written backwards")
        self._written = offset + len(data)
        self._waiting.append((offset, bytes(data)))
        self._there.set()

    async def zero(self, offset: int, length: int) -> None:
        """Nothing: zeros are what is left out."""
        if offset < self._written:
            raise OSError(errno.EIO, "a stream is not written backwards")
        self._written = offset + length

    def end(self) -> None:
        """Say that no more will be written."""
        self._ended = True
        self._there.set()

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """What is written, up to the last write; zeros behind it are the caller's."""
        given = 0
        while True:
            while self._waiting:
                offset, data = self._waiting.popleft()
                for piece in holes(offset - given):
                    yield piece
                for at in range(0, len(data), PIECE):
                    yield data[at : at + PIECE] if len(data) > PIECE else data
                given = offset + len(data)
                self._room.release()
            if self._ended:
                return
            self._there.clear()
            await self._there.wait()
