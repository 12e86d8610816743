"""Deleted images whose data are kept for a while: removing the data when that is over, or bringing an image back."""

import logging
from datetime import timedelta
from functools import partial

import msgspec
from msgspec.structs import replace

from intaglio.base.clock import utcnow
from intaglio.base.errors import Conflict
from intaglio.db.base import Connection
from intaglio.db.repos import deletions as deleted
from intaglio.db.repos import images, leases, members, tasks
from intaglio.db.repos.deletions import Pending
from intaglio.db.repos.leases import Lease
from intaglio.domain.image import Image
from intaglio.domain.properties import image_id as checked_id
from intaglio.domain.status import Status
from intaglio.domain.task import LOCK, PENDING_STORES
from intaglio.services.access import ImageNotFound
from intaglio.services.copies import copies
from intaglio.services.parts import Parts
from intaglio.services.removal import deletions, remove_copies
from intaglio.stores.base import NotFound, StoreError

_log = logging.getLogger(__name__)
_AT_ONCE = 100


class NotRestorable(Conflict):
    """The image was not deleted, or its data are gone."""

    code = "not-restorable"


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """An image that is back. `doubts` says which of its copies could not be seen, and why."""

    image: Image
    members: int
    doubts: tuple[str, ...] = ()


async def scrub(parts: Parts) -> int:
    """Remove the data of images whose time is over, whichever service deleted them; the number of images."""
    before = utcnow() - timedelta(seconds=parts.deletion.scrub_time)
    scrubbed = 0
    while True:
        due = await parts.database.read(lambda conn: deleted.due(conn, before, _AT_ONCE))
        for image_id in due:
            pending = await parts.database.write(partial(_condemn, parts=parts, image_id=image_id))
            await remove_copies(parts, pending)
            scrubbed += 1
        if len(due) < _AT_ONCE:
            break
    if scrubbed:
        _log.info("%d deleted images were kept long enough: their data go", scrubbed)
    return scrubbed


async def _condemn(conn: Connection, *, parts: Parts, image_id: str) -> list[Lease]:
    """From here on the image cannot come back: what removes its data is recorded in the same transaction."""
    found = await deleted.find(conn, image_id)
    if found is None or not await deleted.scrub(conn, image_id, utcnow()):
        return []
    pending = deletions(parts, image_id, found.locations)
    for lease in pending:
        await leases.claim(conn, lease)
    return pending


async def restore(parts: Parts, image_id: str) -> Restored:
    """Bring a deleted image back as it was, as long as its data are kept. For administrators of the database.

    Raises `ImageNotFound`, `NotRestorable`.
    """
    checked_id(image_id)
    kept = await parts.database.read(lambda conn: _restorable(conn, image_id))
    doubts = await _doubts(parts, kept)

    async def work(conn: Connection) -> Restored:
        await _restorable(conn, image_id)
        image = await deleted.restore(conn, image_id, utcnow())
        if image is None:
            raise NotRestorable(f"Image {image_id} was changed at this moment; look at it again.")
        image = await _freed(conn, image)
        return Restored(image=image, members=len(await members.of_image(conn, image.id)), doubts=doubts)

    restored = await parts.database.write(work)
    _log.warning("image %s was brought back as %s", image_id, restored.image.status)
    return restored


async def _freed(conn: Connection, image: Image) -> Image:
    """Without the marks of a task that has ended meanwhile; one that has not noticed yet goes on."""
    lock = image.properties.get(LOCK)
    task = None if lock is None else await tasks.get(conn, lock)
    marked = lock is not None or image.properties.get(PENDING_STORES)
    if not marked or (task is not None and not task.finished):
        return image
    properties = {name: value for name, value in image.properties.items() if name != LOCK}
    return await images.update(conn, image, replace(image, properties={**properties, PENDING_STORES: ""}))


async def _restorable(conn: Connection, image_id: str) -> Pending:
    found = await deleted.find(conn, image_id)
    if found is not None:
        return found
    status = await deleted.status(conn, image_id)
    if status is None:
        raise ImageNotFound(f"No image has or had the id {image_id}.")
    if status is Status.DELETED:
        raise NotRestorable(
            f"Image {image_id} is deleted and its data are gone, or going: only images whose data are kept "
            "(delayed_delete) come back."
        )
    raise NotRestorable(f"Image {image_id} is {status}: it was not deleted.")


async def _doubts(parts: Parts, kept: Pending) -> tuple[str, ...]:
    """Why copies cannot be seen. Raises `NotRestorable` when it is certain that none is there."""
    doubts, gone = [], 0
    found = copies(parts.stores, kept.locations)
    for store_id, store, key in found:
        try:
            await store.stat(key)
        except StoreError as error:
            gone += isinstance(error, NotFound)
            doubts.append(f"{store_id}: {error}")
    if found and gone == len(kept.locations):
        raise NotRestorable(f"The data of image {kept.image_id} are not there any more: {'; '.join(doubts)}")
    unknown = len(kept.locations) - len(found)
    if unknown:
        doubts.append(f"{unknown} of its copies are in no store that is configured")
    return tuple(doubts)
