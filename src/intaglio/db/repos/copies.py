"""Every recorded copy of every image, to be compared with what the stores hold: walked by the numbers of their rows."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, and_, false, or_, select

from intaglio.db.base import Connection
from intaglio.db.location_urls import LocationUrls
from intaglio.db.repos.dialects import live
from intaglio.db.repos.image_rows import to_locations
from intaglio.db.tables.added import leases
from intaglio.db.tables.images import images, locations, properties
from intaglio.domain.image import Location
from intaglio.domain.quota import BUSY, COPYING
from intaglio.domain.status import Status

PAGE = 500


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """One location, and what its image says of the data. Sizes are bytes."""

    image_id: str
    location: Location
    status: Status
    size: int | None = None
    checksum: str | None = None
    os_hash_algo: str | None = None
    os_hash_value: str | None = None


_COLUMNS = (
    locations.c.id,
    locations.c.value,
    locations.c.meta_data,
    locations.c.status,
    images.c.id,
    images.c.status,
    images.c.size,
    images.c.checksum,
    images.c.os_hash_algo,
    images.c.os_hash_value,
)
_USED = and_(live(locations), locations.c.status == "active", images.c.deleted == false())
_KEPT = and_(locations.c.status == Status.PENDING_DELETE.value, images.c.status == Status.PENDING_DELETE.value)


async def page(conn: Connection, after: int, *, image_id: str | None = None) -> Sequence[Copy]:
    """The next copies behind the location of that number, those kept of deleted images included."""
    statement = _copies(locations.c.id > after).order_by(locations.c.id).limit(PAGE)
    if image_id is not None:
        statement = statement.where(locations.c.image_id == image_id)
    return [_to_copy(row, conn.urls) for row in await conn.execute(statement)]


async def of_images(conn: Connection, image_ids: Sequence[str]) -> Sequence[Copy]:
    """The copies of some images."""
    return [_to_copy(row, conn.urls) for row in await conn.execute(_copies(locations.c.image_id.in_(list(image_ids))))]


async def busy(conn: Connection, image_ids: Sequence[str]) -> frozenset[str]:
    """Those of the images that somebody, this service or a Glance, is at work on: their objects are not judged."""
    ids = list(image_ids)
    claimed = select(leases.c.image_id).where(leases.c.image_id.in_(ids))
    working = select(images.c.id).where(images.c.id.in_(ids), images.c.status.in_([each.value for each in BUSY]))
    copying = select(properties.c.image_id).where(
        properties.c.image_id.in_(ids), live(properties), properties.c.name == COPYING, properties.c.value != ""
    )
    found: set[str] = set()
    for statement in (claimed, working, copying):
        found |= set((await conn.execute(statement)).scalars())
    return frozenset(found)


def _copies(condition: ColumnElement[bool]) -> Select[Any]:
    joined = locations.join(images, images.c.id == locations.c.image_id)
    return select(*_COLUMNS).select_from(joined).where(or_(_USED, _KEPT), condition)


def _to_copy(row: Any, urls: LocationUrls) -> Copy:
    [location] = to_locations([tuple(row[:4])], urls)
    return Copy(
        image_id=row[4],
        location=location,
        status=Status(row[5]),
        size=row[6],
        checksum=row[7],
        os_hash_algo=row[8],
        os_hash_value=row[9],
    )
