"""Undoing what was begun and not finished: by a request that failed, or by a process that died.

The order is what makes it safe: the object is removed while the lease still keeps others from writing a new one under
the same name; only then is the image given back. A lease that another process took over is left to that process.
"""

import logging
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from intaglio.base.clock import utcnow
from intaglio.base.errors import IntaglioError
from intaglio.base.process import is_dead
from intaglio.db.base import Connection
from intaglio.db.repos import images, leases
from intaglio.db.repos.leases import Lease
from intaglio.domain.image import Image, Location
from intaglio.domain.status import Status
from intaglio.imports import staged
from intaglio.imports.base import LEASE_KIND
from intaglio.services.copies import copies
from intaglio.services.guarded import guarded_write
from intaglio.services.leases import lease_end
from intaglio.services.parts import Parts
from intaglio.stores.base import NotFound, Store, StoreError
from intaglio.stores.settings import STAGING

_log = logging.getLogger(__name__)

STAGE_KIND = "stage"
_WHILE = {"upload": Status.SAVING, STAGE_KIND: Status.UPLOADING}
"""The status of an image while a lease of the kind is held; ending it unfinished queues the image again."""


async def discard_object(store: Store, key: str) -> None:
    """Remove an object if it is there. Raises what the store raises, but `NotFound`."""
    try:
        await store.delete(key)
    except NotFound:
        return


async def release_upload(parts: Parts, lease: Lease, *, begun: bool = True) -> None:
    """Give up an upload: remove its object, queue the image again, end the lease.

    An upload that has not `begun` to write, since its store refused even that, gives the image back all the same.
    Never raises: what cannot be done now is done by `recover` when the lease has ended.
    """
    try:
        if await _still_ours(parts, lease):
            await _finish(parts, lease, begun=begun)
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
        lease = replace(lost, holder=parts.holder, created_at=utcnow(), expires_at=lease_end())
        await leases.claim(conn, lease)
        return lease

    try:
        lease = await parts.database.write(work)
        if lease is not None:
            await _finish(parts, lease)
    except IntaglioError as error:
        _log.warning("image %s: an object that was written too late may stay: %s", lost.image_id, error)


def deletions(
    parts: Parts, image: Image, locations: Iterable[Location], *, kept: Sequence[Location] = ()
) -> list[Lease]:
    """One lease for each object behind `locations`: who deletes it, and what a worker finds if that fails.

    None for an object that one of the `kept` locations names as well.
    """
    needed = {(store_id, key) for store_id, _, key in copies(parts.stores, kept)}
    return [
        Lease(
            image_id=image.id,
            kind=f"delete-{location.id}",
            holder=parts.holder,
            store_id=store_id,
            key=key,
            created_at=utcnow(),
            expires_at=lease_end(),
        )
        for location in locations
        for store_id, _, key in copies(parts.stores, [location])
        if (store_id, key) not in needed
    ]


async def remove_copies(parts: Parts, pending: Iterable[Lease]) -> None:
    """Remove objects that no location names any more, each under its lease. Never raises, like `release_upload`."""
    for lease in pending:
        try:
            await _finish(parts, lease)
        except IntaglioError as error:
            _log.warning("store %s keeps an object of image %s for now: %s", lease.store_id, lease.image_id, error)


async def recover(parts: Parts) -> int:
    """Finish or undo everything whose lease has ended, or whose holder is known to be dead; the number settled."""

    async def work(conn: Connection) -> list[Lease]:
        now = utcnow()
        return [
            lease
            for lease in await leases.everyone(conn, but=LEASE_KIND)
            if lease.expires_at <= now or is_dead(lease.holder)
        ]

    settled = 0
    for lease in await parts.database.read(work):
        try:
            taken = await _take_over(parts, lease)
            if taken is not None:
                await _finish(parts, taken)
                settled += 1
                _log.warning("image %s: settled an unfinished %s of %s", lease.image_id, lease.kind, lease.holder)
        except IntaglioError as error:
            _log.error("image %s: an unfinished %s is not settled yet: %s", lease.image_id, lease.kind, error)
    return settled


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


async def _finish(parts: Parts, lease: Lease, *, begun: bool = True) -> None:
    store = parts.store(lease.store_id)
    if store is None:
        _log.error("image %s: store %s is not configured any more; its object stays", lease.image_id, lease.store_id)
    elif begun:
        await (staged.remove if lease.store_id == STAGING else discard_object)(store, lease.key)

    async def work(conn: Connection) -> None:
        if await leases.release(conn, lease):
            image = await images.get(conn, lease.image_id)
            busy = _WHILE.get(lease.kind)
            if image is not None and image.status == busy:
                await images.transition(conn, lease.image_id, busy, Status.QUEUED)

    await guarded_write(parts, work)
