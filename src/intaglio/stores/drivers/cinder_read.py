"""Reading volumes: all readers of one in this process share its attachment, which stays for a moment after the last."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from intaglio.stores.base import OutOfRange
from intaglio.stores.drivers.cinder_api import Volume
from intaglio.stores.drivers.cinder_attach import Attachment, Host
from intaglio.stores.drivers.cinder_faults import explained
from intaglio.stores.drivers.cinder_volumes import size_of
from intaglio.stores.threads import uncancelled

PIECE = 1024 * 1024
SEGMENT = 4 * PIECE
"""Bytes read at once, when the first piece was taken."""
LINGER = 1.0
"""Seconds a volume stays attached that nobody reads, for one who comes back; others have to wait for it."""


class _Shared:
    """One attachment, and how many read by it."""

    def __init__(self, attachment: Attachment) -> None:
        self.attachment = attachment
        self.readers = 0
        self.end: asyncio.TimerHandle | None = None


class Readers:
    """The volumes of a store that are attached for reading."""

    def __init__(self, host: Host, left: Callable[[str], Awaitable[None]], linger: float = LINGER) -> None:
        """`left` is awaited with a volume's id when it is not attached any more."""
        self._host = host
        self._left = left
        self._linger = linger
        self._shared: dict[str, _Shared] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._ending: set[asyncio.Task[None]] = set()

    async def read(self, volume: Volume, key: str, offset: int, length: int | None) -> AsyncGenerator[bytes, None]:
        """The bytes, in pieces of at most 1 MiB. Raises as `Store.open`."""
        size = size_of(volume)
        end = size if length is None else offset + length
        if not 0 <= offset <= end <= size:
            raise OutOfRange(f"bytes {offset} to {end} do not lie in object {key} of {size} bytes")
        if offset == end:
            return
        async with self._attached(volume) as attachment:
            async for piece in self._pieces(attachment, offset, end):
                yield piece

    async def settle(self, volume: str) -> None:
        """Detach the volume at once if nobody reads it."""
        async with self._turn(volume):
            await self._end(volume)

    async def close(self) -> None:
        """Detach all."""
        for volume in list(self._shared):
            await self.settle(volume)
        while self._ending:
            await asyncio.wait(self._ending)

    async def _pieces(self, attachment: Attachment, offset: int, end: int) -> AsyncGenerator[bytes, None]:
        ahead: asyncio.Future[bytes] | None = None
        length = min(PIECE, end - offset)
        try:
            while offset < end:
                reading = ahead or attachment.submit(self._read, attachment, offset, length)
                ahead = None
                data = memoryview(await self._host.data.wait(asyncio.shield(reading)))
                offset += len(data)
                if offset < end and offset > PIECE:  # the reader has come back for more: stay ahead of it
                    length = min(SEGMENT, end - offset)
                    ahead = attachment.submit(self._read, attachment, offset, length)
                for begin in range(0, len(data), PIECE):
                    yield bytes(data[begin : begin + PIECE])
                length = min(SEGMENT, end - offset)
        finally:
            if ahead is not None:
                ahead.cancel()

    def _read(self, attachment: Attachment, offset: int, length: int) -> bytes:
        """In a thread."""
        with explained(self._host.store, "read a volume"):
            return attachment.device.read(offset, length)

    @asynccontextmanager
    async def _attached(self, volume: Volume) -> AsyncIterator[Attachment]:
        shared = await self._join(volume)
        try:
            yield shared.attachment
        finally:
            self._leave(shared)

    async def _join(self, volume: Volume) -> _Shared:
        async with self._turn(volume.id):
            shared = self._shared.get(volume.id)
            if shared is None:
                attachment = Attachment(self._host, volume, write=False)
                try:
                    await attachment.attach()
                except BaseException:
                    await uncancelled(attachment.release())
                    raise
                shared = self._shared[volume.id] = _Shared(attachment)
            if shared.end is not None:
                shared.end.cancel()
                shared.end = None
            shared.readers += 1
            return shared

    def _leave(self, shared: _Shared) -> None:
        shared.readers -= 1
        if not shared.readers:
            loop = asyncio.get_running_loop()
            shared.end = loop.call_later(self._linger, self._begin_end, shared.attachment.volume.id)

    def _begin_end(self, volume: str) -> None:
        task = asyncio.get_running_loop().create_task(self.settle(volume))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end(self, volume: str) -> None:
        """Under the volume's turn."""
        shared = self._shared.get(volume)
        if shared is None or shared.readers:
            return
        if shared.end is not None:
            shared.end.cancel()
        del self._shared[volume]
        await uncancelled(self._over(shared))

    async def _over(self, shared: _Shared) -> None:
        if await shared.attachment.release():
            await self._left(shared.attachment.volume.id)

    def _turn(self, volume: str) -> asyncio.Lock:
        return self._turns.setdefault(volume, asyncio.Lock())
