"""Images that are deleted but whose data are kept for a while: Glance's status `pending_delete`.

Glance marks the image's row and its locations `pending_delete` and everything that hangs on it deleted; so does this
service, which also notes what the image was before. Rows that a Glance left are found and brought back alike.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Table, and_, delete, func, insert, select, update

from intaglio.db.base import Connection
from intaglio.db.repos import image_search, images, usage
from intaglio.db.repos.image_rows import to_locations
from intaglio.db.tables.added import deletions
from intaglio.db.tables.images import images as rows
from intaglio.db.tables.images import locations, members, properties, tags
from intaglio.domain.image import Image, Location
from intaglio.domain.status import Status

_PENDING = Status.PENDING_DELETE.value
_GLANCES_HASTE = timedelta(seconds=2)
"""A Glance removes an image's properties one by one, in this time at most, before it says when the image was.

Those that had been removed before it removes once more, so that they come back with the others.
"""


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A deleted image whose data are kept. `locations` are those that nobody has begun to remove."""

    image_id: str
    name: str | None
    deleted_at: datetime
    locations: tuple[Location, ...]


async def note(conn: Connection, image: Image) -> None:
    """Record what an image was, which has just been marked `pending_delete` in this transaction."""
    deleted_at = (await conn.execute(select(rows.c.deleted_at).where(rows.c.id == image.id))).scalar_one()
    await conn.execute(delete(deletions).where(deletions.c.image_id == image.id))
    values = {"image_id": image.id, "status": image.status.value, "deleted_at": deleted_at}
    await conn.execute(insert(deletions), values)


async def find(conn: Connection, image_id: str) -> Pending | None:
    """The image, if it is deleted and its data are kept."""
    same = (rows.c.id == image_id, rows.c.status == _PENDING)
    row = (await conn.execute(select(rows.c.name, rows.c.deleted_at).where(*same))).mappings().first()
    if row is None:
        return None
    columns = (locations.c.id, locations.c.value, locations.c.meta_data, locations.c.status)
    kept = select(*columns).where(locations.c.image_id == image_id, locations.c.status == _PENDING)
    found = to_locations([tuple(each) for each in await conn.execute(kept)], conn.urls)
    return Pending(image_id=image_id, name=row["name"], deleted_at=row["deleted_at"], locations=found)


async def status(conn: Connection, image_id: str) -> Status | None:
    """The status of an image, deleted or not; None when there never was one, or it was purged."""
    found = (await conn.execute(select(rows.c.status).where(rows.c.id == image_id))).scalar()
    return None if found is None else Status(found)


async def due(conn: Connection, before: datetime, limit: int) -> Sequence[str]:
    """The ids of images that were deleted by then and whose data are kept, the first deleted first."""
    kept = (rows.c.status == _PENDING, rows.c.deleted_at <= before)
    return (await conn.execute(select(rows.c.id).where(*kept).order_by(rows.c.deleted_at).limit(limit))).scalars().all()


async def count(conn: Connection) -> int:
    """How many images are deleted and have their data kept."""
    number: int = (await conn.execute(select(func.count()).where(rows.c.status == _PENDING))).scalar_one()
    return number


async def scrub(conn: Connection, image_id: str, now: datetime) -> bool:
    """From now on the data are to go and the image cannot come back; False when somebody was faster."""
    same = (rows.c.id == image_id, rows.c.status == _PENDING)
    changed = update(rows).where(*same).values(status=Status.DELETED.value, updated_at=now)
    if (await conn.execute(changed)).rowcount != 1:
        return False
    mine = (locations.c.image_id == image_id, locations.c.status == _PENDING)
    await conn.execute(update(locations).where(*mine).values(status="deleted", updated_at=now))
    await conn.execute(delete(deletions).where(deletions.c.image_id == image_id))
    return True


async def restore(conn: Connection, image_id: str, now: datetime) -> Image | None:
    """Bring an image back as it was when it was deleted, with all that hung on it; None when somebody was faster.

    What had been removed from it before its deletion stays removed.
    """
    noted = (await conn.execute(select(deletions).where(deletions.c.image_id == image_id))).mappings().first()
    pending = await find(conn, image_id)
    if pending is None:
        return None
    ours = noted is not None and noted["deleted_at"] == pending.deleted_at
    was = Status(noted["status"]) if noted is not None and ours else Status.ACTIVE
    same = (rows.c.id == image_id, rows.c.status == _PENDING, rows.c.deleted_at == pending.deleted_at)
    back = {"status": was.value, "deleted": False, "deleted_at": None, "updated_at": now}
    if (await conn.execute(update(rows).where(*same).values(back))).rowcount != 1:
        return None
    since = pending.deleted_at if ours else pending.deleted_at - _GLANCES_HASTE
    for table in (properties, tags, members):
        await _revive(conn, table, image_id, since if table is properties else pending.deleted_at, pending.deleted_at)
    mine = (locations.c.image_id == image_id, locations.c.status == _PENDING)
    await conn.execute(update(locations).where(*mine).values(status="active", **_ALIVE))
    await conn.execute(delete(deletions).where(deletions.c.image_id == image_id))
    image = await images.get(conn, image_id)
    if image is not None:
        await usage.record(conn, None, image)
        await image_search.added(conn, image)
    return image


_ALIVE: dict[str, Any] = {"deleted": False, "deleted_at": None}


async def _revive(conn: Connection, table: Table, image_id: str, since: datetime, until: datetime) -> None:
    mine = and_(table.c.image_id == image_id, table.c.deleted_at >= since, table.c.deleted_at <= until)
    await conn.execute(update(table).where(mine).values(**_ALIVE))
