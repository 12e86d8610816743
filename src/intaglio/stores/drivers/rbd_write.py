"""Writing one object to RBD: into an image under a name of its own, several blocks at once, renamed when it is whole.

The image grows ahead of the data. Its snapshot is made and protected before it gets its key, so the key appears with
everything that belongs to it.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator

from intaglio.stores.base import Broken, Busy, Chunk, StoreError
from intaglio.stores.drivers.budget import Budget
from intaglio.stores.drivers.rbd_faults import explained, present
from intaglio.stores.drivers.rbd_names import Claims, deleted, move, settle, uploads
from intaglio.stores.drivers.rbd_options import MIB, SNAPSHOT, RbdOptions
from intaglio.stores.drivers.rbd_pool import Image, Link, Pool
from intaglio.stores.drivers.rbd_remove import Outcome, erase
from intaglio.stores.threads import Held, Threads, uncancelled

SIDE_BY_SIDE = 4
"""Blocks of one object on their way at once, where the store's budget allows it."""
_STEP, _LEAP = 16 * MIB, 8192 * MIB
"""What an image of unknown size grows by: at first, and at most. In between it doubles."""
_HOLE = MIB // 4
"""The shortest stretch of zeros that is left out: shorter ones would cost more operations than they save."""
_ZEROS = bytes(_HOLE)

_log = logging.getLogger(__name__)


class Upload:
    """One `put`. After `write` failed or was cancelled, `abandon` must be awaited; nothing is left then."""

    def __init__(
        self,
        store: str,
        link: Link,
        threads: Threads,
        chosen: RbdOptions,
        budget: Budget,
        own: Claims,
        key: str,
        size_hint: int | None,
    ) -> None:
        self._store = store
        self._link = link
        self._threads = threads
        self._work = Held(threads, self._undo)
        self._options = chosen
        self._budget = budget
        self._own = own  # names of images that are being written here
        self._key = key
        self._hint = size_hint or 0
        self._block = 1 << chosen.order
        self._pool: Pool | None = None
        self._image: Image | None = None
        self._name = ""
        self._identity = ""
        self._size = self._room = 0
        self._sending: set[asyncio.Future[None]] = set()
        self._spare: list[bytearray] | None = []  # blocks to use again; none when it is over

    async def write(self, chunks: AsyncIterator[Chunk]) -> int:
        """Store everything and make it visible; the number of bytes. Raises as `Store.put`."""
        await self._work.run(self._begin)
        block, filled = self._fresh(), 0
        async for chunk in chunks:
            for buffer in chunk:
                view = memoryview(buffer).cast("B")
                while len(view):
                    taken = view[: self._block - filled]
                    if filled + len(taken) > len(block):
                        block.extend(bytes(self._block - len(block)))
                    block[filled : filled + len(taken)] = taken
                    filled += len(taken)
                    view = view[len(taken) :]
                    if filled == self._block:
                        await self._send(block, filled)
                        block, filled = self._fresh(), 0
        if filled:
            await self._send(block, filled)
        while self._sending:
            await self._one_arrived()
        await self._work.run(self._publish)
        return self._size

    async def abandon(self) -> None:
        """Take back whatever was done. Never raises: what cannot be taken back now is left to a sweep or a delete."""
        self._spare = None
        await uncancelled(self._work.close())

    def _fresh(self) -> bytearray:
        """Room for the next block: one that was used before, little for the first of an object that may be small."""
        if self._spare:
            return self._spare.pop()
        return bytearray(self._block if self._size else min(self._block, self._hint or MIB))

    async def _send(self, block: bytearray, length: int) -> None:
        """Write a block as soon as there is room for it among those on the way."""
        offset, self._size = self._size, self._size + length
        if self._size > self._room:
            await self._work.run(self._grow)
        ahead = 0
        while self._sending:  # one is always allowed
            if len(self._sending) < SIDE_BY_SIDE and self._budget.take(length):
                ahead = length
                break
            await self._one_arrived()
        sent = self._work.submit(self._write, offset, memoryview(block)[:length])
        sent.add_done_callback(lambda _: self._arrived(block, ahead))
        self._sending.add(sent)

    def _arrived(self, block: bytearray, ahead: int) -> None:
        self._budget.give(ahead)
        if self._spare is not None and len(block) == self._block:
            self._spare.append(block)

    async def _one_arrived(self) -> None:
        """Wait until a block is written. Raises what hindered one."""
        done, self._sending = await asyncio.wait(
            self._sending, timeout=self._threads.limit, return_when=asyncio.FIRST_COMPLETED
        )
        if not done:
            raise Busy(f"store {self._store!r} did not take data within {self._threads.limit:g} s")
        for error in [sent.exception() for sent in done]:
            if error is not None:
                raise error

    def keep(self) -> None:
        """After `write` has returned: the object stays. Nothing is awaited, lest it be cancelled."""
        self._spare = None
        pool, self._pool = self._pool, None
        if pool is not None:
            with contextlib.suppress(Busy):
                self._threads.submit(self._link.give, pool)

    # In threads

    def _begin(self) -> None:
        with explained(self._store, "begin an image"):
            pool = self._pool = self._link.take()
            if pool.identity(self._key) is not None:
                raise present(self._store, self._key)
            self._room = min(self._hint, _STEP)
            self._make(pool)
            self._image = pool.open(self._name)
            self._identity = self._image.identity

    def _make(self, pool: Pool) -> None:
        """A new image under the first name that is free."""
        for name in uploads(self._key):
            if not self._own.take(name):  # before it is there: nobody of this process may take it for abandoned
                continue
            self._name = name
            try:
                pool.create(name, self._room, self._options.order)
            except FileExistsError:  # another process's
                self._own.give(name)
                self._name = ""
            else:
                return
        raise Busy(f"store {self._store!r} has several unfinished uploads of {self._key}; try again later")

    @contextlib.contextmanager
    def _doing(self, what: str) -> Iterator[tuple[Pool, Image]]:
        if self._pool is None or self._image is None:
            raise Broken(f"store {self._store!r} could not {what}: it has not begun")
        with explained(self._store, what), self._link.watched(self._pool):
            yield self._pool, self._image

    def _grow(self) -> None:
        with self._doing("write an image") as (_, image):
            target = max(self._size, self._room + min(max(self._room, _STEP), _LEAP))
            self._room = min(target, self._hint) if self._hint >= self._size else target
            image.resize(self._room)

    def _write(self, offset: int, data: memoryview) -> None:
        with self._doing("write an image") as (_, image):
            for begin, end in _stretches(data) if self._options.rbd_thin_provisioning else [(0, len(data))]:
                image.write(offset + begin, data[begin:end])

    def _publish(self) -> None:
        with self._doing("finish an image") as (pool, image):
            if self._room != self._size:
                image.resize(self._size)
            image.flush()
            image.take_snapshot(SNAPSHOT)
            self._close()
            with pool.locked(self._key):
                try:
                    move(pool, self._name, self._key)
                except FileExistsError as error:
                    raise present(self._store, self._key) from error
            self._own.give(self._name)

    def _close(self) -> None:
        image, self._image = self._image, None
        if image is not None:
            image.close()

    def _undo(self) -> None:
        """Remove what there is, also an image that has got its key when nobody waited any more to hear of it."""
        if self._pool is None:
            return
        try:
            with explained(self._store, "take back an image"):
                self._close()
                if self._name:
                    self._remove(self._pool)
        except StoreError as error:
            _log.warning("%s; it is removed later", error)
        finally:
            self._own.give(self._name)
            self._link.give(self._pool)

    def _remove(self, pool: Pool) -> None:
        settle(pool, self._key, self._name)
        name = self._name
        if self._identity and pool.identity(self._key) == self._identity:
            name = deleted(self._key, self._identity)
            move(pool, self._key, name)
        if erase(pool, name) is not Outcome.GONE:
            _log.warning("store %r could not take back an image of %s; it is removed later", self._store, self._key)


def _stretches(data: memoryview) -> Iterator[tuple[int, int]]:
    """Where there is something else than zeros, in steps of `_HOLE`."""
    begin: int | None = None
    for start in range(0, len(data), _HOLE):
        part = data[start : start + _HOLE]
        if _ZEROS.startswith(part):  # memcmp(3), without a copy
            if begin is not None:
                yield begin, start
            begin = None
        elif begin is None:
            begin = start
    if begin is not None:
        yield begin, len(data)
