"""The catalogue as a whole: read, and changed, in a number of statements that does not grow with it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from msgspec.structs import replace
from sqlalchemy import bindparam, delete, insert, select, update

from intaglio.db.base import Connection
from intaglio.db.repos.metadef_contents import OBJECTS, PROPERTIES, TAGS, Contents
from intaglio.db.repos.metadef_namespaces import FIELDS, delete_many, to_namespace
from intaglio.db.repos.metadef_resource_types import associations
from intaglio.db.tables.metadefs import (
    namespace_resource_types,
    namespaces,
    objects,
    properties,
    resource_types,
    tags,
)
from intaglio.domain.metadefs.changes import same
from intaglio.domain.metadefs.model import Association, Content, Definition, Namespace

T = TypeVar("T", bound=Content)

Pair = tuple[Definition | None, Definition]
"""A namespace as it was read, or None for a new one, and as it shall be."""


async def everything(conn: Connection) -> list[Definition]:
    """All namespaces with all they hold, in order of their names; five statements."""
    rows = (await conn.execute(select(namespaces).order_by(namespaces.c.namespace))).all()
    links = await associations(conn)
    held_properties = await PROPERTIES.everywhere(conn)
    held_objects = await OBJECTS.everywhere(conn)
    held_tags = await TAGS.everywhere(conn)
    return [
        Definition(
            namespace=to_namespace(row),
            associations=tuple(links.get(row.id, ())),
            properties=tuple(held_properties.get(row.id, ())),
            objects=tuple(held_objects.get(row.id, ())),
            tags=tuple(held_tags.get(row.id, ())),
        )
        for row in rows
    ]


async def write(conn: Connection, pairs: Sequence[Pair], now: datetime) -> None:
    """Make each namespace what its pair says; what is the same is not touched."""
    ids = await _write_namespaces(conn, pairs, now)
    await _write_associations(conn, pairs, ids, now)
    await _write_contents(conn, PROPERTIES, "properties", pairs, ids, now)
    await _write_contents(conn, OBJECTS, "objects", pairs, ids, now)
    await _write_contents(conn, TAGS, "tags", pairs, ids, now)


async def remove(conn: Connection, definitions: Iterable[Definition]) -> None:
    """Delete these namespaces, protected or not; the resource types stay."""
    ids = [each.namespace.id for each in definitions if each.namespace.id is not None]
    if ids:
        await delete_many(conn, ids)


async def clear(conn: Connection) -> None:
    """Delete everything, resource types included."""
    for table in (tags, objects, properties, namespace_resource_types, namespaces, resource_types):
        await conn.execute(delete(table))


async def _write_namespaces(conn: Connection, pairs: Sequence[Pair], now: datetime) -> dict[str, int]:
    new = [replace(after.namespace, created_at=now) for before, after in pairs if before is None]
    changed = [
        replace(after.namespace, updated_at=now)
        for before, after in pairs
        if before is not None and before.namespace != after.namespace
    ]
    if new:
        await conn.execute(insert(namespaces), [_row(each) for each in new])
    if changed:
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in FIELDS}
        statement = update(namespaces).where(namespaces.c.id == bindparam("row")).values(**values)
        rows = [{f"new_{name}": value for name, value in _row(each).items()} | {"row": each.id} for each in changed]
        await conn.execute(statement, rows)
    found = (await conn.execute(select(namespaces.c.namespace, namespaces.c.id))).all()
    return {row.namespace: row.id for row in found}


async def _write_associations(conn: Connection, pairs: Sequence[Pair], ids: dict[str, int], now: datetime) -> None:
    types = await _types(conn, {each.name for _, after in pairs for each in after.associations}, now)
    table = namespace_resource_types
    gone, made = [], []
    for before, after in pairs:
        kept = {each.name: each for each in before.associations} if before else {}
        wanted = {each.name: each for each in after.associations}
        stale = [name for name, each in kept.items() if name not in wanted or not same(each, wanted[name])]
        gone += [{"namespace": ids[after.name], "type": types[name]} for name in stale]
        fresh = [each for name, each in wanted.items() if name not in kept or name in stale]
        made += [_link(each, ids[after.name], types[each.name], now) for each in fresh]
    if gone:
        mine = (table.c.namespace_id == bindparam("namespace"), table.c.resource_type_id == bindparam("type"))
        await conn.execute(delete(table).where(*mine), gone)
    if made:
        await conn.execute(insert(table), made)


async def _types(conn: Connection, names: set[str], now: datetime) -> dict[str, int]:
    """The rows of all resource types. Of `names` the missing are made, protected as Glance's loader does."""
    statement = select(resource_types.c.name, resource_types.c.id)
    known = {row.name: row.id for row in (await conn.execute(statement)).all()}
    missing = sorted(names - known.keys())
    if missing:
        rows = [{"name": name, "protected": True, "created_at": now, "updated_at": None} for name in missing]
        await conn.execute(insert(resource_types), rows)
        known = {row.name: row.id for row in (await conn.execute(statement)).all()}
    return known


async def _write_contents(
    conn: Connection, contents: Contents[T], field: str, pairs: Sequence[Pair], ids: dict[str, int], now: datetime
) -> None:
    new: list[dict[str, Any]] = []
    changed: list[T] = []
    gone: list[int | None] = []
    for before, after in pairs:
        kept: dict[str, T] = {each.name: each for each in getattr(before, field)} if before else {}
        wanted: dict[str, T] = {each.name: each for each in getattr(after, field)}
        gone += [each.id for name, each in kept.items() if name not in wanted]
        for name, each in wanted.items():
            if name not in kept:
                new.append(contents.row(ids[after.name], replace(each, created_at=now)))
            elif not same(kept[name], each):
                changed.append(replace(each, updated_at=now))
    if gone:
        await conn.execute(delete(contents.table).where(contents.table.c.id == bindparam("row")), _numbers(gone))
    if changed:
        names = contents.write(changed[0])
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
        statement = update(contents.table).where(contents.table.c.id == bindparam("row")).values(**values)
        rows = [{f"new_{name}": value for name, value in contents.write(each).items()} for each in changed]
        await conn.execute(statement, [{**row, "row": each.id} for row, each in zip(rows, changed, strict=True)])
    if new:
        await conn.execute(insert(contents.table), new)


def _numbers(ids: Iterable[int | None]) -> list[dict[str, Any]]:
    return [{"row": number} for number in ids]


def _row(namespace: Namespace) -> dict[str, Any]:
    return {name: getattr(namespace, name) for name in FIELDS} | {"visibility": namespace.visibility.value}


def _link(association: Association, namespace_id: int, type_id: int, now: datetime) -> dict[str, Any]:
    return {
        "namespace_id": namespace_id,
        "resource_type_id": type_id,
        "prefix": association.prefix,
        "properties_target": association.properties_target,
        "created_at": association.created_at or now,
        "updated_at": None if association.created_at is None else now,
    }
