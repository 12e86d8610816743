"""Undoing what was begun and not finished: by a request that failed, or by a process that died.

The order is what makes it safe: the object is removed while the lease still keeps others from writing a new one under
the same name; only then is the image given back. A lease that another process took over is left to that process.
"""

import asyncio
import logging
import time
from collections import deque

from msgspec.structs import replace

from intaglio.base.clock import utcnow
from intaglio.base.errors import IntaglioError
from intaglio.base.process import is_dead
from intaglio.db.base import Connection
from intaglio.db.repos import deletions as deleted
from intaglio.db.repos import images, leases
from intaglio.db.repos.leases import Lease
from intaglio.domain.status import Status
from intaglio.imports.base import LEASE_KIND
from intaglio.services.leases import lease_end
from intaglio.services.parts import Parts
from intaglio.services.removal import put_off, settle, settle_patiently
from intaglio.stores.base import StoreError
from intaglio.stores.settings import STAGING

_log = logging.getLogger(__name__)

_REST_SECONDS = 5.0
_LONGEST_REST = 60.0


async def release_upload(parts: Parts, lease: Lease, *, begun: bool = True) -> None:
    """Give up an upload: remove its object, queue the image again, end the lease.

    An upload that has not `begun` to write, since its store refused even that, gives the image back all the same.
    Never raises: what cannot be done now is done by `recover` when the lease has ended.
    """
    try:
        if await _still_ours(parts, lease):
            await settle(parts, lease, begun=begun)
    except StoreError as error:
        await put_off(parts, lease, error)
    except IntaglioError as error:
        _log.warning("image %s: cleaning up after an upload is left to the worker: %s", lease.image_id, error)


async def discard_orphan(parts: Parts, lost: Lease) -> None:
    """Remove the object that an upload wrote after its lease had been taken over. Never raises.

    Only while the image has no data and nobody is at work on it: what lies there otherwise is another upload's.
    """

    async def work(conn: Connection) -> Lease | None:
        image = await images.get(conn, lost.image_id)
        if image is not None and image.status != Status.QUEUED:
            return None
        if await deleted.find(conn, lost.image_id) is not None:
            return None
        lease = replace(lost, holder=parts.holder, created_at=utcnow(), expires_at=lease_end())
        await leases.claim(conn, lease)
        return lease

    try:
        lease = await parts.database.write(work)
        if lease is not None:
            await settle(parts, lease)
    except IntaglioError as error:
        _log.warning("image %s: an object that was written too late may stay: %s", lost.image_id, error)


class Recovery:
    """A worker's hands on what others left: each store by itself, so that one that is down keeps nobody waiting."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._working: dict[str, asyncio.Task[int]] = {}
        self._rests_until: dict[str, float] = {}
        self._pauses: dict[str, float] = {}

    async def tend(self) -> None:
        """Begin to settle everything whose lease has ended or whose holder is known to be dead; waits for no store."""
        by_store: dict[str, deque[Lease]] = {}
        for lease in await self._parts.database.read(_ended):
            by_store.setdefault(lease.store_id, deque()).append(lease)
        now = time.monotonic()
        for store_id, waiting in by_store.items():
            busy = store_id in self._working and not self._working[store_id].done()
            if not busy and now >= self._rests_until.get(store_id, 0.0):
                self._working[store_id] = asyncio.create_task(self._work_off(store_id, waiting))

    async def finish(self) -> int:
        """Wait for what was begun; how many leases were settled."""
        return sum(await asyncio.gather(*self._working.values()))

    async def stop(self) -> None:
        """Leave what is not settled to the next worker."""
        for task in self._working.values():
            task.cancel()
        await asyncio.gather(*self._working.values(), return_exceptions=True)

    async def _work_off(self, store_id: str, waiting: deque[Lease]) -> int:
        hands = range(self._parts.deletion.scrub_pool_size)
        try:
            return sum(await asyncio.gather(*(self._settle_one_by_one(store_id, waiting) for _ in hands)))
        except Exception:
            _log.exception("what was left in store %s could not be settled because of a defect", store_id)
            raise

    async def _settle_one_by_one(self, store_id: str, waiting: deque[Lease]) -> int:
        settled = 0
        while waiting:
            lease = waiting.popleft()
            try:
                settled += await _settled(self._parts, lease)
                self._pauses.pop(store_id, None)
            except StoreError:
                if not await _works(self._parts, store_id):
                    self._rest(store_id)
                    waiting.clear()
            except IntaglioError as error:
                _log.error("image %s: an unfinished %s is not settled yet: %s", lease.image_id, lease.kind, error)
        return settled

    def _rest(self, store_id: str) -> None:
        """Do not ask a store that failed for a while: twice as long each time."""
        pause = min(2 * self._pauses.get(store_id, _REST_SECONDS / 2), _LONGEST_REST)
        self._pauses[store_id] = pause
        self._rests_until[store_id] = time.monotonic() + pause


async def recover(parts: Parts) -> int:
    """Settle once everything that others left; the number settled."""
    recovery = Recovery(parts)
    await recovery.tend()
    return await recovery.finish()


async def _ended(conn: Connection) -> list[Lease]:
    """Leases that nobody holds any more. One that waits for another attempt waits until then."""
    now = utcnow()
    return [
        lease
        for lease in await leases.everyone(conn, but=LEASE_KIND)
        if lease.expires_at <= now or is_dead(lease.holder)
    ]


async def _works(parts: Parts, store_id: str) -> bool:
    """Whether it was one object that a store would not remove, and not the store that is down."""
    store = parts.store(store_id)
    try:
        if store is not None:
            await store.check()
    except StoreError as error:
        _log.error("store %s rests for a while: %s", store_id, error)
        return False
    return True


async def _settled(parts: Parts, lease: Lease) -> bool:
    """Take a lease over and settle it; False when another worker was faster. Raises what `settle` raises."""
    taken = await _take_over(parts, lease)
    if taken is None:
        return False
    try:
        await settle_patiently(parts, taken)
    except IntaglioError as error:
        await put_off(parts, taken, error)
        raise
    _log.warning("image %s: settled an unfinished %s of %s", lease.image_id, lease.kind, lease.holder)
    return True


async def retry_given_up(parts: Parts) -> int:
    """Try once more what was given up, as an operator asks for it; how many are settled now."""
    settled = 0
    for lease in await parts.database.read(leases.failing):
        if lease.given_up_at is not None:
            try:
                settled += await _settled(parts, lease)
            except IntaglioError as error:
                _log.warning("image %s: store %s still keeps an object: %s", lease.image_id, lease.store_id, error)
    return settled


async def remind(parts: Parts) -> None:
    """Say in the log, for as long as it is so, that objects could not be removed."""
    for store_id, number in (await parts.database.read(leases.count_given_up)).items():
        _log.error(
            "store %r keeps %d objects that no image has any more and that could not be removed: when it works, run "
            "`intaglio store reconcile --fix`",
            store_id,
            number,
        )


async def sweep_stores(parts: Parts) -> None:
    """Let every store remove what dead writers left unfinished in it."""
    for store_id, store in (*parts.stores.items(), (STAGING, parts.staging)):
        try:
            removed = await store.sweep()
        except StoreError as error:
            _log.warning("store %s could not be swept: %s", store_id, error)
        else:
            if removed:
                _log.warning("store %s: removed %d unfinished objects", store_id, removed)


async def _take_over(parts: Parts, lease: Lease) -> Lease | None:
    async def work(conn: Connection) -> Lease | None:
        return await leases.take_over(conn, lease, parts.holder, lease_end())

    return await parts.database.write(work)


async def _still_ours(parts: Parts, lease: Lease) -> bool:
    async def work(conn: Connection) -> bool:
        return await leases.renew(conn, lease, lease_end())

    return await parts.database.write(work)
