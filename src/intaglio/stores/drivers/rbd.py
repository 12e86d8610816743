"""Objects as images in one pool of a Ceph cluster, each with a protected snapshot: exactly what Glance's driver makes.

Nova and Cinder clone them copy-on-write. Every call runs in a thread and ends in bounded time, also when the cluster
does not answer or is full, for which clients of Ceph usually wait for ever.
"""

import asyncio
import errno
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import TypeVar, TypeVarTuple

from intaglio.stores.base import (
    KEY,
    Abilities,
    Busy,
    Chunk,
    NotFound,
    Space,
    Stat,
    StoreError,
    Unsupported,
    checked_key,
)
from intaglio.stores.drivers.budget import Budget
from intaglio.stores.drivers.rbd_faults import absent, explained
from intaglio.stores.drivers.rbd_names import Claims, deleted, move, settle, uploads
from intaglio.stores.drivers.rbd_options import MIB, SNAPSHOT, key_of, location, options
from intaglio.stores.drivers.rbd_pool import Link, Pool
from intaglio.stores.drivers.rbd_read import Reader
from intaglio.stores.drivers.rbd_remove import Outcome, erase, erase_trashed, remove_in_place, unfinished
from intaglio.stores.drivers.rbd_write import Upload
from intaglio.stores.threads import Threads, uncancelled

_DATA_THREADS = 10
_OTHER_THREADS = 4  # so that a transfer that hangs keeps nobody from looking, and being told
_MEMORY = 64 * MIB  # what all transfers of the store may hold ahead of each other's pace
_CHECK_SECONDS = 4.0
_GRACE = 600.0  # an image of an upload that nobody has open is that old before a sweep takes it for abandoned
_PLAIN = 100_000  # keys remembered as having no snapshot

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_log = logging.getLogger(__name__)


class RbdStore:
    """See `intaglio.stores.base.Store`; options as in `RbdOptions`. Building it loads nothing, nor connects."""

    def __init__(self, store: str, given: Mapping[str, object], grace: float = _GRACE) -> None:
        chosen = options(store, given)
        self._id = store
        self._options = chosen
        self._grace = grace
        self._link = Link(chosen)
        limit = chosen.connecting + 2 * chosen.patience  # one call is several operations
        self._data = Threads(store, _DATA_THREADS, limit)
        self._other = Threads(store, _OTHER_THREADS, limit)
        self._budget = Budget(_MEMORY)
        self._own = Claims()
        self._awaited: dict[str, set[str]] = {}  # by key, images that are removed when nobody here reads them any more
        self._plain: dict[str, None] = {}  # keys of images without a snapshot, known by the form of their locations
        self.abilities = Abilities(sparse=chosen.rbd_thin_provisioning)

    async def prepare(self) -> None:
        """There is nothing to make: pools are the cluster's operator's."""
        await self.check()

    async def put(self, key: str, chunks: AsyncIterator[Chunk], size_hint: int | None = None) -> Stat:
        """Write a new object; see the contract."""
        checked_key(key)
        upload = Upload(self._id, self._link, self._data, self._options, self._budget, self._own, key, size_hint)
        try:
            size = await upload.write(chunks)
        except BaseException:
            await upload.abandon()
            raise
        upload.keep()
        return Stat(key=key, size=size)

    async def open(self, key: str, offset: int = 0, length: int | None = None) -> AsyncGenerator[bytes, None]:
        """Read the snapshot; see the contract."""
        checked_key(key)
        reader = Reader(self._id, self._link, self._data, self._budget, key, self._finish_deletions)
        try:
            async with aclosing(reader.pieces(offset, length, self._snapshot(key))) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            await uncancelled(reader.close())

    async def stat(self, key: str) -> Stat:
        """The object's size."""
        return await self._run(self._look, "look at an image", checked_key(key))

    async def delete(self, key: str) -> None:
        """Remove the object, and what an interrupted upload left under its key; see the contract.

        While there are clones of it, it is in the pool's trash, and while others read it, under another name; a sweep
        removes it from there. Space that takes long to free is freed after this returns.
        """
        checked_key(key)
        name = await self._run(self._free, "delete an image", key)
        if name is None:
            return
        removing = self._other.submit(self._erase, key, name)
        try:
            await self._other.wait(asyncio.shield(removing))
        except StoreError as error:
            _log.warning("%s; %s is removed later", error, name)

    async def list(self, prefix: str = "") -> AsyncGenerator[Stat, None]:
        """The images whose names are keys, and that have the snapshot; others in the pool are not ours."""
        names = await self._run(lambda pool: pool.names(), "list its images")
        keys = [name for name in names if KEY.fullmatch(name) and name.startswith(prefix)]
        for begin in range(0, len(keys), _OTHER_THREADS):
            for found in await asyncio.gather(*map(self._found, keys[begin : begin + _OTHER_THREADS])):
                if found is not None:
                    yield found

    async def _found(self, key: str) -> Stat | None:
        try:
            return await self._run(self._look, "look at an image", key, True)  # noqa: FBT003 - passed on by position
        except NotFound:
            return None

    async def sweep(self) -> int:
        """Finish deletions, from the trash too, and remove images of uploads that nobody writes any more.

        Only what has a name that this driver gives is touched.
        """
        removed = 0
        names, trashed = await self._run(unfinished, "look for unfinished images", self._grace)
        for how, what in [(erase, name) for name in names if name not in self._own] + [
            (erase_trashed, identity) for identity in trashed
        ]:
            try:
                removed += await self._run(how, "remove an unfinished image", what) is Outcome.GONE
            except StoreError as error:
                _log.warning("%s", error)
        return removed

    def uri(self, key: str) -> str:
        """`rbd://<fsid>/<pool>/<image>/snap`, as Glance writes it. Needs to have reached the cluster once."""
        if self._link.fsid is None:
            raise NotFound(f"store {self._id!r} has not reached its cluster yet, whose id is part of locations")
        return location(self._link.fsid, self._options.rbd_store_pool, checked_key(key))

    def metadata(self, key: str) -> Mapping[str, str]:  # noqa: ARG002 - the contract's signature
        """Nothing, as Glance's driver."""
        return {}

    def learned(self) -> Mapping[str, object]:
        """The cluster's id, once it was reached."""
        return {} if self._link.fsid is None else {"fsid": self._link.fsid}

    def adopt(self, uri: str) -> str:
        """The key of an `rbd` location in this pool of this cluster."""
        key, snapshot = key_of(self._id, self._link.fsid, self._options.rbd_store_pool, uri)
        if not snapshot:
            self._plain[key] = None
            while len(self._plain) > _PLAIN:
                del self._plain[next(iter(self._plain))]
        return key

    async def path(self, key: str) -> Path:
        """Images in RBD are no files."""
        raise Unsupported(f"store {self._id!r} (type rbd) has no files, so none for {checked_key(key)}")

    async def direct_url(self, key: str, ttl: int) -> str:
        """RBD has no addresses for clients without Ceph's keys."""
        raise Unsupported(f"store {self._id!r} (type rbd) has no direct URLs, so none for {checked_key(key)} ({ttl} s)")

    async def check(self) -> None:
        """Reach the cluster, and ask for one object of the pool."""
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                await self._run(Pool.probe, "reach its cluster")
        except TimeoutError as error:
            raise Busy(f"store {self._id!r}: the cluster did not answer within {_CHECK_SECONDS:g} s") from error

    async def identify(self, key: str) -> Mapping[str, str]:
        """The ids of the image and its snapshot: a clone's parent is named by them, and they are never given again."""
        return await self._run(self._names, "look at an image", checked_key(key))

    async def space(self) -> Space:
        """See `intaglio.stores.base.Spacious`; of the whole cluster."""
        return await self._run(Pool.space, "look at its room")

    async def close(self) -> None:
        """End the connection and the threads."""
        retired = self._other.submit(self._link.retire)
        await asyncio.wait([retired], timeout=self._options.connecting)
        await self._data.close()
        await self._other.close()

    def _snapshot(self, key: str) -> str | None:
        return None if key in self._plain else SNAPSHOT

    async def _run(self, call: Callable[[Pool, *Ts], T], doing: str, *args: *Ts) -> T:
        return await self._other.run(self._linked, call, doing, args)

    # In threads

    def _linked(self, call: Callable[..., T], doing: str, args: tuple[object, ...]) -> T:
        with explained(self._id, doing), self._link.pool() as pool:
            return call(pool, *args)

    def _look(self, pool: Pool, key: str, listing: bool = False) -> Stat:  # noqa: FBT001, FBT002 - as above
        try:
            with pool.look(key, self._snapshot(key)) as image:
                return Stat(key=key, size=image.size, modified=image.modified if listing else None)
        except FileNotFoundError:
            raise absent(self._id, key) from None

    def _names(self, pool: Pool, key: str) -> Mapping[str, str]:
        snapshot = self._snapshot(key)
        try:
            with pool.look(key, snapshot) as image:
                found = {"pool": self._options.rbd_store_pool, "image_id": image.identity}
                if snapshot is not None:
                    found |= {"snapshot": snapshot, "snapshot_id": str(image.snapshot_id(snapshot))}
                return found
        except FileNotFoundError:
            raise absent(self._id, key) from None

    def _free(self, pool: Pool, key: str) -> str | None:
        """Remove what dead writers left under the key, and take it from its image; its name now, if any."""
        for name in uploads(key):
            settle(pool, name, key)
            if name not in self._own and pool.identity(name) is not None and erase(pool, name) is Outcome.OPEN:
                raise Busy(f"store {self._id!r}: somebody is writing an image of {key}, or died a moment ago")
        identity = pool.identity(key)
        if identity is None:
            raise absent(self._id, key)
        name = deleted(key, identity)
        try:
            move(pool, key, name)
        except FileNotFoundError:
            raise absent(self._id, key) from None
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT} and remove_in_place(pool, key):
                return None
            raise
        return name

    def _erase(self, key: str, name: str) -> None:
        self._awaited.setdefault(key, set()).add(name)  # before we look: a reader that leaves meanwhile sees it
        with explained(self._id, "remove an image"), self._link.pool() as pool:
            outcome = erase(pool, name)
        if outcome is Outcome.OPEN:
            _log.info("store %s: %s is still open somewhere; it is removed later", self._id, name)
            return
        self._done(key, name)
        if outcome is Outcome.KEPT:
            _log.info("store %s: %s has clones or snapshots; it stays in the trash until they are gone", self._id, name)

    def _done(self, key: str, name: str) -> None:
        names = self._awaited.get(key, set())
        names.discard(name)
        if not names:
            self._awaited.pop(key, None)

    def _finish_deletions(self, key: str) -> None:
        """Somebody here has stopped reading an image of this key."""
        for name in list(self._awaited.get(key, ())):
            try:
                self._erase(key, name)
            except StoreError as error:
                _log.warning("%s; it is removed later", error)
