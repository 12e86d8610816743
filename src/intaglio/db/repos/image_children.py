"""Writing the rows that hang on an image: only what differs, and soft-deleted as Glance does.

A removed property keeps its row, for `(image_id, name)` is unique, and is revived when the name is set again; a
removed tag keeps its row and is added anew. `deleted_at` of a revived row is emptied: a purge goes by it alone.
"""

import importlib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Insert, Table, and_, false, func, insert, null, select, update

from intaglio.base.errors import Conflict
from intaglio.db.base import Connection
from intaglio.db.repos.dialects import among, live, parameter
from intaglio.db.repos.image_rows import to_locations
from intaglio.db.tables.images import locations, members, properties, tags
from intaglio.domain.image import Image, Location

_REMOVED = ("deleted", "pending_delete")

_encode = msgspec.json.Encoder(order="deterministic").encode


class PropertyNamesClash(Conflict):
    """Two property names that this database cannot tell apart (MariaDB ignores case, accents, trailing spaces)."""

    code = "property-names-clash"


@cache
def _upsert(dialect: str) -> Insert:
    # By name, because importing the two dialects that are not used costs a tenth of a second at start.
    statement: Any = importlib.import_module(f"sqlalchemy.dialects.{dialect}").insert(properties)
    upsert: Insert
    if dialect == "mysql":
        row = statement.inserted
        upsert = statement.on_duplicate_key_update(
            # literals, for aiomysql fills no parameters in behind VALUES (…)
            name=row.name,
            value=row.value,
            updated_at=row.updated_at,
            deleted_at=null(),
            deleted=false(),
        )
    else:
        row = statement.excluded
        upsert = statement.on_conflict_do_update(
            index_elements=["image_id", "name"],
            set_={"value": row.value, "updated_at": row.updated_at, "deleted_at": None, "deleted": False},
        )
    return upsert


async def write_properties(conn: Connection, image_id: str, before: Mapping[str, str | None], after: Image) -> None:
    """Make the image's properties those of `after`, given that they are those of `before`."""
    removed = [name for name in before if name not in after.properties]
    if removed:
        await _remove(conn, properties, "name", image_id, removed, after.updated_at)
    changed = {name: value for name, value in after.properties.items() if name not in before or before[name] != value}
    if not changed:
        return
    rows = [_row(image_id, after.updated_at, name=name, value=value) for name, value in changed.items()]
    await conn.execute(_upsert(conn.dialect), rows)
    if conn.dialect == "mysql":
        await _require_distinct_names(conn, image_id, len(after.properties))


async def _require_distinct_names(conn: Connection, image_id: str, wanted: int) -> None:
    count = select(func.count()).where(properties.c.image_id == image_id, live(properties))
    if (await conn.execute(count)).scalar_one() != wanted:
        raise PropertyNamesClash(
            "Two of the image's property names differ only in case, accents or trailing spaces; "
            "the database of this service cannot hold both."
        )


async def write_tags(conn: Connection, image_id: str, before: tuple[str, ...], after: Image) -> None:
    """Make the image's tags those of `after`, given that they are those of `before`."""
    removed = sorted(set(before) - set(after.tags))
    if removed:
        await _remove(conn, tags, "value", image_id, removed, after.updated_at)
    added = sorted(set(after.tags) - set(before))
    if added:
        await conn.execute(insert(tags), [_row(image_id, after.updated_at, value=tag) for tag in added])


async def write_locations(
    conn: Connection, image_id: str, before: tuple[Location, ...], after: Image
) -> tuple[Location, ...]:
    """Make the image's locations those of `after`; they are returned with the numbers of their rows."""
    if before == after.locations:
        return before
    kept = {location.id for location in after.locations}
    gone = [location.id for location in before if location.id not in kept]
    if gone:
        await remove_locations(conn, image_id, after.updated_at, "deleted", gone)
    known = {location.id: location for location in before}
    return tuple([await _write_location(conn, image_id, known, each, after.updated_at) for each in after.locations])


async def _write_location(
    conn: Connection, image_id: str, known: Mapping[int | None, Location], location: Location, now: datetime
) -> Location:
    values: dict[str, Any] = {"meta_data": _encode(location.metadata).decode(), "status": location.status}
    if location.id is None:
        result = await conn.execute(
            insert(locations), _row(image_id, now, value=conn.urls.written(location.uri), **values)
        )
        key: Any = result.inserted_primary_key
        return msgspec.structs.replace(location, id=key[0])
    before = known.get(location.id)
    if before != location:
        if before is None or before.uri != location.uri:  # what this service's key does not open stays as it is
            values["value"] = conn.urls.written(location.uri)
        where = and_(locations.c.id == location.id, locations.c.image_id == image_id)
        removed = location.status in _REMOVED
        marks = {"deleted": removed, "deleted_at": now if removed else None, "updated_at": now}
        await conn.execute(update(locations).where(where).values(**values, **marks))
    return location


async def location(conn: Connection, image_id: str, number: int) -> Location | None:
    """A location by its number, removed or not; None when it was purged."""
    columns = (locations.c.id, locations.c.value, locations.c.meta_data, locations.c.status)
    statement = select(*columns).where(locations.c.id == number, locations.c.image_id == image_id)
    row = (await conn.execute(statement)).first()
    return None if row is None else to_locations([tuple(row)], conn.urls)[0]


async def remove_locations(
    conn: Connection, image_id: str, now: datetime, status: str, ids: list[int | None] | None = None
) -> None:
    """Soft-delete the locations `ids`, or all; `status` is `deleted` or `pending_delete`."""
    statement = update(locations).where(locations.c.image_id == image_id, live(locations))
    if ids is not None:
        statement = statement.where(locations.c.id.in_(ids))
    await conn.execute(statement.values(status=status, deleted=True, deleted_at=now, updated_at=now))


def _remove_children(table: Table) -> Any:
    mine = update(table).where(table.c.image_id == parameter("image", table.c.image_id), live(table))
    now = parameter("now", table.c.deleted_at)
    return mine.values(deleted=True, deleted_at=now, updated_at=now)


_REMOVE_ALL = [_remove_children(table) for table in (properties, members, tags)]


async def remove_all(conn: Connection, image_id: str, now: datetime, location_status: str) -> None:
    """Soft-delete everything that hangs on an image."""
    await remove_locations(conn, image_id, now, location_status)
    for statement in _REMOVE_ALL:
        await conn.execute(statement, {"image": image_id, "now": now})


async def _remove(conn: Connection, table: Table, column: str, image_id: str, values: list[str], now: datetime) -> None:
    target = table.c[column]
    names = {f"value_{number}": value for number, value in enumerate(values)}
    chosen = among(conn.dialect, target, [parameter(name, target) for name in names])
    statement = update(table).where(table.c.image_id == parameter("image", table.c.image_id), live(table), chosen)
    await conn.execute(statement.values(deleted=True, deleted_at=now, updated_at=now), {"image": image_id, **names})


def _row(image_id: str, now: datetime, **values: Any) -> dict[str, Any]:
    return {"image_id": image_id, "created_at": now, "updated_at": now, "deleted": False, "deleted_at": None, **values}
