"""Objects as volumes of Cinder, each attached to this host for as long as it is written or read, as Glance keeps them.

Cinder names a volume: the key of an object is its volume's id, and what was put is found by the key it was put under,
too. Every call runs in a thread and ends in bounded time.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from pathlib import Path
from weakref import WeakValueDictionary

from intaglio.stores.base import Abilities, Busy, Chunk, NotFound, Stat, StoreError, Unsupported, checked_key
from intaglio.stores.drivers.cinder_api import Api, Volume
from intaglio.stores.drivers.cinder_attach import Host
from intaglio.stores.drivers.cinder_brick import Brick
from intaglio.stores.drivers.cinder_faults import InUse, absent
from intaglio.stores.drivers.cinder_options import location, options, volume_of
from intaglio.stores.drivers.cinder_read import LINGER, Readers
from intaglio.stores.drivers.cinder_sweep import Sweeper
from intaglio.stores.drivers.cinder_volumes import DELETED, OWNER, Volumes, is_finished, moment, size_of
from intaglio.stores.drivers.cinder_write import Upload
from intaglio.stores.threads import Threads, uncancelled

_DATA_THREADS = 10
_OTHER_THREADS = 4  # so that a transfer that hangs keeps nobody from looking, and being told
_SECONDS = 60.0  # for one call to Cinder or Ceph; an array may need a while to export a volume
_CHECK_SECONDS = 4.0

_log = logging.getLogger(__name__)


class CinderStore:
    """See `intaglio.stores.base.Store`; options as in `CinderOptions`. Building it connects to nothing."""

    def __init__(
        self, store: str, given: Mapping[str, object], *, seconds: float = _SECONDS, linger: float = LINGER
    ) -> None:
        """`seconds` bound each call to what is behind the store."""
        chosen = options(store, given)
        self._id = store
        self._options = chosen
        self._api = Api(store, chosen, seconds)
        limit = 2 * seconds + 30  # one call is several operations
        self._data = Threads(store, _DATA_THREADS, limit)
        self._other = Threads(store, _OTHER_THREADS, limit)
        self._volumes = Volumes(store, chosen, self._api, self._other)
        self._brick = Brick(store, chosen, seconds)
        self._host = Host(store, chosen, self._volumes, self._brick, self._data)
        self._readers = Readers(self._host, self._finish_deletion, linger)
        self._own: set[str] = set()  # ids of volumes that are being written here
        self._awaited: set[str] = set()  # those that are removed when nobody here reads them any more
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self.abilities = Abilities()

    async def prepare(self) -> None:
        """There is nothing to make: types of volumes are Cinder's operator's."""
        await self.check()

    async def put(self, key: str, chunks: AsyncIterator[Chunk], size_hint: int | None = None) -> Stat:
        """Write a new object; see the contract. Its key is the volume's id from now on."""
        turn = self._turns.setdefault(checked_key(key), asyncio.Lock())
        upload = Upload(self._host, self._own, key, size_hint, turn)
        try:
            volume, size = await upload.write(chunks)
        except BaseException:
            await uncancelled(upload.abandon())
            raise
        return Stat(key=volume, size=size)

    async def open(self, key: str, offset: int = 0, length: int | None = None) -> AsyncGenerator[bytes, None]:
        """Read the volume, attached for reading; see the contract."""
        volume = await self._volumes.get(checked_key(key))
        async with aclosing(self._readers.read(volume, key, offset, length)) as pieces:
            async for piece in pieces:
                yield piece

    async def stat(self, key: str) -> Stat:
        """The object's size."""
        return _stat(await self._volumes.get(checked_key(key)))

    async def delete(self, key: str) -> None:
        """Remove the object, and what an interrupted upload left under its key; see the contract.

        A volume that somebody reads is removed when the last has left, or by a sweep.
        """
        found = await self._volumes.find(checked_key(key))
        under = await self._volumes.under(key)
        for left in under:
            if not is_finished(left) and left.id not in self._own and left.status != "deleting":
                await self._discard(left)
        if found is None:
            raise absent(self._id, key)
        for each in {each.id: each for each in (found, *filter(is_finished, under))}.values():
            await self._volumes.run(self._api.add_metadata, each.id, {DELETED: "true"})
            self._volumes.forget(each.id)
            self._awaited.add(each.id)
            await self._readers.settle(each.id)
            await self._finish_deletion(each.id)

    async def list(self, prefix: str = "") -> AsyncGenerator[Stat, None]:
        """The finished volumes that this store made. Glance's are not among them: nothing tells their store."""
        for volume in await self._volumes.all():
            if volume.id.startswith(prefix) and is_finished(volume):
                yield _stat(volume)

    async def sweep(self) -> int:
        """Detach what processes of this host had attached that are no more, and remove what nobody finishes.

        Writers on other hosts are taken for dead when their volume did not change for a day.
        """
        await self._host.finish()
        return await self._volumes.run(Sweeper(self._id, self._api, self._brick, self._own).sweep)

    def uri(self, key: str) -> str:
        """`cinder://<store>/<volume>`; `cinder://<volume>` where stores have no ids."""
        volume = self._volumes.known(checked_key(key))
        if volume is None:
            raise NotFound(f"store {self._id!r} does not know which volume {key} is; Cinder names them")
        return location(self._id, self._options, volume)

    def metadata(self, key: str) -> Mapping[str, str]:  # noqa: ARG002 - the contract's signature
        """Nothing, as Glance's driver."""
        return {}

    def adopt(self, uri: str) -> str:
        """The id of the volume that a `cinder` location of this store names."""
        volume = volume_of(self._id, self._options, uri)
        self._volumes.remember(volume, volume)
        return volume

    async def attribute(self, key: str, owner: str) -> None:
        """Record it as Glance's driver does: Cinder clones an image for other projects only if it is its owner's."""
        volume = await self._volumes.get(checked_key(key))
        await self._volumes.run(self._api.add_metadata, volume.id, {OWNER: owner})

    async def path(self, key: str) -> Path:
        """Volumes are no files."""
        raise Unsupported(f"store {self._id!r} (type cinder) has no files, so none for {checked_key(key)}")

    async def direct_url(self, key: str, ttl: int) -> str:
        """There is none."""
        raise Unsupported(
            f"store {self._id!r} (type cinder) has no direct URLs, so none for {checked_key(key)} ({ttl} s)"
        )

    async def check(self) -> None:
        """Reach Cinder, signed in, and look for the type of volumes."""
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                await self._volumes.run(self._api.require_type)
        except TimeoutError as error:
            raise Busy(f"store {self._id!r}: Cinder did not answer within {_CHECK_SECONDS:g} s") from error

    async def close(self) -> None:
        """Detach what nobody reads any more, end connections and threads."""
        await self._readers.close()
        await self._host.finish()
        await self._data.close()
        await self._other.close()
        self._api.close()

    async def _discard(self, volume: Volume) -> None:
        """Remove a volume that is no object. Nobody is writing it, says the contract."""
        try:
            await self._volumes.run(Sweeper(self._id, self._api, self._brick, ()).discard, volume)
        except StoreError as error:
            _log.warning("%s; volume %s is removed later", error, volume.id)

    async def _finish_deletion(self, volume: str) -> None:
        """Remove a volume that was deleted, here or by another process, unless somebody still has it."""
        try:
            if volume not in self._awaited and not await self._volumes.run(self._is_deleted, volume):
                return
            await self._volumes.run(self._api.delete, volume)
        except InUse:
            _log.info("store %s: volume %s is still attached; it is removed later", self._id, volume)
            return
        except StoreError as error:
            _log.warning("%s; volume %s is removed later", error, volume)
            return
        self._awaited.discard(volume)

    def _is_deleted(self, volume: str) -> bool:
        found = self._api.find(volume)
        return found is not None and DELETED in found.metadata


def _stat(volume: Volume) -> Stat:
    return Stat(key=volume.id, size=size_of(volume), modified=moment(volume.updated_at))
