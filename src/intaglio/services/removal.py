"""Removing stored objects that no image names any more, until they are gone or a person has to be told.

Each object to be removed hangs on a lease, which is recorded in the transaction that took the object from its image; so
whatever dies when, somebody finds it. One that a store does not remove is tried again after ever longer pauses, and
given up, loudly, after the operator's time.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from intaglio.base.clock import utcnow
from intaglio.base.errors import IntaglioError, Unavailable
from intaglio.db.base import Connection
from intaglio.db.repos import image_children, images, leases
from intaglio.db.repos.leases import Lease
from intaglio.domain.image import Location
from intaglio.domain.status import Status
from intaglio.imports import staged
from intaglio.services.copies import copies
from intaglio.services.guarded import guarded_write
from intaglio.services.leases import lease_end
from intaglio.services.parts import Parts
from intaglio.stores.base import Busy, NotFound, Store, StoreError, Unsupported
from intaglio.stores.settings import STAGING

_log = logging.getLogger(__name__)

PATIENCE = 5.0
"""Seconds that a request waits for a store to remove something; then a worker goes on with it."""
LONGEST = 3600.0
"""Seconds that a worker waits for one removal, which renews its lease meanwhile; stores have shorter limits."""
_RENEW_SECONDS = 5
_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 3600.0
_LONGEST_BUSY_PAUSE = 60.0  # somebody waits for the image itself

STAGE_KIND = "stage"
WHILE = {"upload": Status.SAVING, STAGE_KIND: Status.UPLOADING}
"""The status of an image while a lease of the kind is held; ending it unfinished queues the image again."""
_OF_LOCATION = "delete-"
_FORGOTTEN = ("http:", "https:")  # what lies there is not ours to remove


class StoreNotConfigured(Unavailable):
    """Something is to be removed from a store that this service does not have any more."""

    code = "store-not-configured"


def deletions(
    parts: Parts, image_id: str, locations: Iterable[Location], *, kept: Sequence[Location] = ()
) -> list[Lease]:
    """One lease for each object behind `locations`: who deletes it, and what a worker finds if that fails.

    None for an object that one of the `kept` locations names as well, nor for what lies in a store that is not this
    service's own. A location that no configured store holds has one without a key: the store may be configured again.
    """
    needed = {(store_id, key) for store_id, _, key in copies(parts.stores, kept)}
    pending = []
    for location in locations:
        places = copies(parts.stores, [location])
        found = [(store_id, key) for store_id, store, key in places if store.abilities.owned]
        if not places and not location.uri.startswith(_FORGOTTEN):
            found = [(location.store or "", "")]
        pending += [_lease(parts, image_id, location, *place) for place in found if place not in needed]
    return pending


def _lease(parts: Parts, image_id: str, location: Location, store_id: str, key: str) -> Lease:
    return Lease(
        image_id=image_id,
        kind=f"{_OF_LOCATION}{location.id}",
        holder=parts.holder,
        store_id=store_id,
        key=key,
        created_at=utcnow(),
        expires_at=lease_end(),
    )


async def remove_copies(parts: Parts, pending: Iterable[Lease]) -> None:
    """Remove objects that no location names any more, each under its lease, side by side.

    Takes a few seconds at most and never raises: what is not done by then a worker does.
    """

    async def one(lease: Lease) -> None:
        try:
            await settle(parts, lease)
        except IntaglioError as error:
            await put_off(parts, lease, error)

    await asyncio.gather(*(one(lease) for lease in pending))


async def discard_object(store: Store, key: str) -> None:
    """Remove an object if it is there. Raises what the store raises, but `NotFound`."""
    try:
        await store.delete(key)
    except NotFound:
        return


async def settle(parts: Parts, lease: Lease, *, begun: bool = True, patience: float = PATIENCE) -> None:
    """Remove the lease's object, then end the lease, then queue an image again that was waiting for this.

    Nothing was written yet when it has not `begun`. Raises the `StoreError` met, `Busy` when it takes longer than
    `patience` seconds, `StoreNotConfigured`, and what the database raises.
    """
    if begun:
        await _remove(parts, lease, patience)

    async def work(conn: Connection) -> None:
        if await leases.release(conn, lease):
            await _queue_again(conn, lease)

    await guarded_write(parts, work)


async def settle_patiently(parts: Parts, lease: Lease) -> None:
    """As `settle`, in a worker: the lease is renewed for as long as the store is at work on it."""
    async with _renewed(parts, lease):
        await settle(parts, lease, patience=LONGEST)


async def put_off(parts: Parts, lease: Lease, error: IntaglioError) -> None:
    """Note that settling a lease failed, and when a worker shall try again; or give it up. Never raises."""
    now = utcnow()
    try:
        if _is_hopeless(parts, lease, now):
            await _give_up(parts, lease, error, now)
        else:
            until = now + pause_after(lease)
            await parts.database.write(lambda conn: leases.put_off(conn, lease, str(error), until))
            what = "its object" if lease.key else "a location's data"
            _log.warning("image %s: %s in store %r is removed later: %s", lease.image_id, what, lease.store_id, error)
    except IntaglioError as trouble:
        _log.warning("image %s: a %s is left to the worker: %s", lease.image_id, lease.kind, trouble)


def pause_after(lease: Lease) -> timedelta:
    """How long a lease waits that failed once more: twice as long each time, up to an hour."""
    longest = _LONGEST_BUSY_PAUSE if lease.kind in WHILE else _LONGEST_PAUSE
    return timedelta(seconds=min(_FIRST_PAUSE * 2.0 ** min(lease.attempts, 32), longest))


def _is_hopeless(parts: Parts, lease: Lease, now: datetime) -> bool:
    hours = parts.deletion.removal_give_up_hours
    return hours > 0 and now - lease.created_at >= timedelta(hours=hours)


async def _give_up(parts: Parts, lease: Lease, error: IntaglioError, now: datetime) -> None:
    """Stop trying; an image that waits for this is queued, for an upload removes what is in its way."""

    async def work(conn: Connection) -> None:
        if lease.kind in WHILE:
            if await leases.release(conn, lease):
                await _queue_again(conn, lease)
                # the kinds that an import or an upload leaves are a few, and at most one of each is left
                left = replace(lease, kind=f"left-{lease.kind}", attempts=lease.attempts, given_up_at=now)
                await leases.forget(conn, left)
                await leases.claim(conn, replace(left, error=str(error), attempts=lease.attempts + 1))
        else:
            await leases.give_up(conn, lease, str(error), now)

    await guarded_write(parts, work)
    _log.error(
        "image %s: gave up removing object %s from store %r after %d attempts since %s: %s; when the store works, "
        "`intaglio store reconcile --fix` removes it",
        lease.image_id,
        lease.key or "(of a location that no configured store holds)",
        lease.store_id,
        lease.attempts + 1,
        lease.created_at.isoformat(sep=" ", timespec="seconds"),
        error,
    )


async def _remove(parts: Parts, lease: Lease, patience: float) -> None:
    found = await _object(parts, lease)
    if found is None:
        return
    store, key = found
    try:
        async with asyncio.timeout(patience):
            await (staged.remove if lease.store_id == STAGING else discard_object)(store, key)
    except TimeoutError as error:
        raise Busy(f"store {lease.store_id!r} did not remove it within {patience:g} s") from error
    except Unsupported:
        _log.info("store %s removes nothing: an object of image %s stays there", lease.store_id, lease.image_id)


async def _object(parts: Parts, lease: Lease) -> tuple[Store, str] | None:
    """The store and key of what is to be removed; None when nothing says any more what that was."""
    if lease.key:
        store = parts.store(lease.store_id)
        if store is None:
            raise StoreNotConfigured(f"The store {lease.store_id!r} is not configured any more.")
        return store, lease.key
    number = int(lease.kind.removeprefix(_OF_LOCATION))
    location = await parts.database.read(lambda conn: image_children.location(conn, lease.image_id, number))
    if location is None:
        _log.error("image %s: its location %d was purged; what lay there may stay", lease.image_id, number)
        return None
    try:
        _, store, key = parts.stores.for_location(location.uri, location.metadata)
    except StoreError as error:
        raise StoreNotConfigured(str(error)) from error
    return store, key


async def _queue_again(conn: Connection, lease: Lease) -> None:
    image = await images.get(conn, lease.image_id)
    busy = WHILE.get(lease.kind)
    if image is not None and busy is not None and image.status == busy:
        await images.transition(conn, lease.image_id, busy, Status.QUEUED)


@contextlib.asynccontextmanager
async def _renewed(parts: Parts, lease: Lease) -> AsyncIterator[None]:
    async def beat() -> None:
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            try:
                await parts.database.write(lambda conn: leases.renew(conn, lease, lease_end()))
            except IntaglioError as error:
                _log.warning("the lease on image %s could not be renewed: %s", lease.image_id, error)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beating
