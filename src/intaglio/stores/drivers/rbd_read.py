"""Reading one object from RBD: small pieces at first, longer ones ahead of a reader that keeps up."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable

from intaglio.stores.base import Broken, NotFound, OutOfRange
from intaglio.stores.drivers.budget import Budget
from intaglio.stores.drivers.rbd_faults import absent, explained
from intaglio.stores.drivers.rbd_options import MIB
from intaglio.stores.drivers.rbd_pool import Image, Link, Pool
from intaglio.stores.threads import Held, Threads

SEGMENT = 4 * MIB
"""Bytes read at once."""
AHEAD = 4
"""Segments that one reader may have coming, where the store's budget allows it."""
_PIECE = MIB
_DOING = "read an image"


class Reader:
    """One reading of a part of an object. `close` must be awaited."""

    def __init__(
        self, store: str, link: Link, threads: Threads, budget: Budget, key: str, left: Callable[[str], None]
    ) -> None:
        """`left` is called in a thread with the key when the image is not read any more."""
        self._store = store
        self._link = link
        self._threads = threads
        self._budget = budget
        self._key = key
        self._left = left
        self._work = Held(threads, self._release)
        self._pool: Pool | None = None
        self._image: Image | None = None
        self._next = self._end = self._taken = 0
        self._ahead: deque[tuple[asyncio.Future[bytearray], int]] = deque()  # what comes, and its share of the budget

    async def pieces(self, offset: int, length: int | None, snapshot: str | None) -> AsyncGenerator[bytes, None]:
        """The bytes, in pieces of at most 1 MiB. Raises as `Store.open`."""
        size = await self._work.run(self._open, snapshot)
        self._next, self._end = offset, size if length is None else offset + length
        if not 0 <= offset <= self._end <= size:
            raise OutOfRange(f"bytes {offset} to {self._end} do not lie in object {self._key} of {size} bytes")
        while self._next < self._end or self._ahead:
            if not self._ahead:
                self._fetch(min(_PIECE, self._end - self._next), 0)
            coming, share = self._ahead[0]
            data = memoryview(await self._threads.wait(asyncio.shield(coming)))
            self._ahead.popleft()
            self._budget.give(share)
            self._taken += len(data)
            self._look_ahead()
            for begin in range(0, len(data), _PIECE):
                yield bytes(data[begin : begin + _PIECE])

    async def close(self) -> None:
        """Let go of the image."""
        for _, share in self._ahead:
            self._budget.give(share)
        self._ahead.clear()
        await self._work.close()

    def _look_ahead(self) -> None:
        """Ask for more while the reader keeps up: nothing waits for it, and there is memory to spare."""
        while (
            self._taken >= _PIECE
            and self._next < self._end
            and len(self._ahead) < AHEAD
            and not any(coming.done() for coming, _ in self._ahead)
        ):
            length = min(SEGMENT, self._end - self._next)
            if not self._budget.take(length):
                return
            self._fetch(length, length)

    def _fetch(self, length: int, share: int) -> None:
        self._ahead.append((self._work.submit(self._read, self._next, length), share))
        self._next += length

    # In threads

    def _open(self, snapshot: str | None) -> int:
        with explained(self._store, _DOING):
            pool = self._pool = self._link.take()
            with self._link.watched(pool):
                try:
                    image = self._image = pool.open(self._key, snapshot)
                except FileNotFoundError:
                    raise absent(self._store, self._key) from None
                # Watched now. If a deletion has begun before, the key leads here no more; a later one will wait for us.
                if pool.identity(self._key) != image.identity:
                    raise absent(self._store, self._key)
                return image.size

    def _read(self, offset: int, length: int) -> bytearray:
        if self._pool is None or self._image is None:
            raise NotFound(f"store {self._store!r} could not {_DOING}: it is not open")
        with explained(self._store, _DOING), self._link.watched(self._pool):
            data = self._image.read(offset, length)
        if len(data) != length:
            raise Broken(f"store {self._store!r} could not {_DOING}: it ended too early")
        return data

    def _release(self) -> None:
        if self._pool is None:
            return
        try:
            if self._image is not None:
                with explained(self._store, "close an image"):
                    self._image.close()
                self._left(self._key)
        finally:
            self._link.give(self._pool)
