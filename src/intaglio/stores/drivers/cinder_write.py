"""Writing one object to Cinder: into a volume that says which process writes it, until it is whole.

The volume is made when the first block is full or the data end, so that what is refused early costs nothing.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar, TypeVarTuple

from intaglio.stores.base import Chunk, StoreError
from intaglio.stores.drivers.cinder_api import Volume
from intaglio.stores.drivers.cinder_attach import Attachment, Host
from intaglio.stores.drivers.cinder_faults import explained, present
from intaglio.stores.drivers.cinder_options import GIB
from intaglio.stores.drivers.cinder_volumes import gibibytes, is_finished

BLOCK = 4 * 1024 * 1024
"""Bytes written at once."""
_LEAP = 8
"""A volume of unknown size grows by one of so many parts of what it has, at least by a gibibyte: each time costs
seconds, and what is too much stays."""

_SEEN_SECONDS = 3600.0
"""How often a writer says that it lives: Cinder does not notice that a volume is written to."""

_CREATING, _EXTENDING = frozenset({"creating"}), frozenset({"extending"})

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_log = logging.getLogger(__name__)


class Upload:
    """One `put`. After `write` failed or was cancelled, `abandon` must be awaited; nothing is left then."""

    def __init__(self, host: Host, own: set[str], key: str, size_hint: int | None, turn: asyncio.Lock) -> None:
        self._host = host
        self._own = own  # ids of volumes that are being written here
        self._key = key
        self._hint = size_hint or 0
        self._turn = turn  # of those who finish an object of this key here
        self._volume: Volume | None = None
        self._attachment: Attachment | None = None
        self._calls: set[asyncio.Future[Any]] = set()
        self._sending: asyncio.Future[None] | None = None
        self._size = 0
        self._seen = time.monotonic()

    async def write(self, chunks: AsyncIterator[Chunk]) -> tuple[str, int]:
        """Store everything and make it visible; the volume's id, and the number of bytes. Raises as `Store.put`."""
        await self._refuse_taken()
        block = bytearray()
        async for chunk in chunks:
            for buffer in chunk:
                view = memoryview(buffer).cast("B")
                while view:
                    room = BLOCK - len(block)
                    block += view[:room]
                    view = view[room:]
                    if len(block) == BLOCK:
                        await self._send(bytes(block))
                        block.clear()
        if block:
            await self._send(bytes(block))
        await self._arrived()
        return await self._publish(), self._size

    async def abandon(self) -> None:
        """Take back whatever was done. Never raises: what cannot be taken back now is left to a sweep."""
        if self._calls:
            await asyncio.wait(self._calls, timeout=self._host.data.limit)
        gone = self._attachment is None or await self._attachment.release()
        volume = self._volume
        if volume is None:
            return
        try:
            if gone:
                await self._settle(volume.id)
                await self._call(self._host.volumes.api.delete, volume.id)
        except StoreError as error:
            _log.warning("%s; volume %s is removed later", error, volume.id)
        finally:
            self._own.discard(volume.id)

    async def _settle(self, volume: str) -> None:
        """Wait until its state allows to remove it."""
        with contextlib.suppress(StoreError):
            await self._host.volumes.settled(volume, _CREATING | _EXTENDING | {"detaching", "in-use"}, "available")

    async def _refuse_taken(self) -> None:
        if any(is_finished(each) for each in await self._host.volumes.under(self._key)):
            raise present(self._host.store, self._key)

    async def _send(self, block: bytes) -> None:
        """Write a block when the one before has arrived, and go on meanwhile."""
        offset, self._size = self._size, self._size + len(block)
        await self._arrived()
        attachment = await self._room()
        if time.monotonic() - self._seen >= _SEEN_SECONDS:
            self._seen = time.monotonic()
            await self._call(self._host.volumes.seen, attachment.volume.id)
        self._sending = attachment.submit(self._write, attachment, offset, block)

    async def _arrived(self) -> None:
        sending, self._sending = self._sending, None
        if sending is not None:
            await self._host.data.wait(asyncio.shield(sending))

    async def _room(self) -> Attachment:
        """The volume, attached, and large enough."""
        volume = await self._made()
        if self._size > volume.size * GIB:
            await self._grow(volume)
        if self._attachment is None:
            self._attachment = Attachment(self._host, self._made_volume, write=True)
            await self._attachment.attach()
        return self._attachment

    @property
    def _made_volume(self) -> Volume:
        if self._volume is None:
            raise RuntimeError("no volume was made yet")
        return self._volume

    async def _made(self) -> Volume:
        if self._volume is None:
            await self._call(self._make)
            self._volume = await self._host.volumes.settled(self._made_volume.id, _CREATING, "available")
        return self._volume

    async def _grow(self, volume: Volume) -> None:
        size = max(gibibytes(self._size), volume.size + max(1, volume.size // _LEAP))
        if self._hint >= self._size:
            size = gibibytes(self._hint)
        online = self._host.options.cinder_do_extend_attached and self._attachment is not None
        if not online:
            await self._let_go()
        await self._call(self._host.volumes.api.extend, volume.id, size)
        self._volume = await self._host.volumes.settled(volume.id, _EXTENDING, "in-use" if online else "available")
        if online and self._attachment is not None:
            await self._attachment.run(self._attachment.connection.grown)

    async def _let_go(self) -> None:
        attachment = self._attachment
        if attachment is None:
            return
        await attachment.run(self._flush, attachment)
        if not await attachment.release():
            raise StoreError(f"store {self._host.store!r}: volume {attachment.volume.id} could not be detached")
        self._attachment = None
        await self._host.volumes.settled(attachment.volume.id, frozenset({"detaching", "in-use"}), "available")

    async def _publish(self) -> str:
        volumes = self._host.volumes
        volume = (await self._made()).id
        await self._let_go()
        await self._call(volumes.api.protect, volume)
        async with self._turn:
            await self._refuse_taken()
            await self._call(volumes.api.replace_metadata, volume, volumes.finished(self._key, self._size))
        volumes.remember(self._key, volume)
        volumes.remember(volume, volume)
        self._own.discard(volume)
        return volume

    async def _call(self, call: Callable[[*Ts], T], *args: *Ts) -> T:
        """A call to Cinder that goes on when the caller is cancelled, and that `abandon` waits for."""
        future = self._host.volumes.submit(call, *args)
        self._calls.add(future)
        future.add_done_callback(self._calls.discard)
        return await self._host.data.wait(asyncio.shield(future))

    # In threads

    def _make(self) -> None:
        self._volume = self._host.volumes.begin(self._key, gibibytes(max(self._hint, self._size)))
        self._own.add(self._volume.id)

    def _write(self, attachment: Attachment, offset: int, block: bytes) -> None:
        with explained(self._host.store, "write a volume"):
            attachment.device.write(offset, block)

    def _flush(self, attachment: Attachment) -> None:
        with explained(self._host.store, "write a volume"):
            attachment.device.flush()
