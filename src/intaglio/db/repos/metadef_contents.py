"""Properties, objects and tags: rows that belong to a namespace and have a name of their own in it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import Row, RowMapping, Table, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from intaglio.db.base import Connection
from intaglio.db.repos.dialects import equals, parameter
from intaglio.db.repos.metadef_paging import paged
from intaglio.db.tables.metadefs import objects, properties, tags
from intaglio.domain.metadefs.model import Content, DefinitionExists, Object, Property, Schema, Tag
from intaglio.domain.metadefs.query import Paging
from intaglio.domain.query import Direction

T = TypeVar("T", bound=Content)

IN_ORDER = Paging(direction=Direction.ASC, sort_key="id")

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Contents(Generic[T]):
    """One kind of content. `noun` names it in errors."""

    def __init__(
        self, noun: str, table: Table, read: Callable[[Row[Any]], T], write: Callable[[T], Mapping[str, Any]]
    ) -> None:
        self.noun = noun
        self.table = table
        self.read = read
        self.write = write

    @property
    def article(self) -> str:
        """The article before the noun."""
        return "an" if self.noun[0] in "aeio" else "a"

    async def get(self, conn: Connection, namespace_id: int, name: str) -> T | None:
        """The one of that name."""
        row = (await conn.execute(self._named(conn), {"namespace": namespace_id, "name": name})).first()
        return None if row is None else self.read(row)

    async def page(self, conn: Connection, namespace_id: int, paging: Paging, marker: T | None = None) -> list[T]:
        """A page of a namespace's, after `marker`."""
        row: RowMapping | None = None
        if marker is not None:
            found = await conn.execute(select(self.table).where(self.table.c.id == marker.id))
            row = found.mappings().first()
        mine = select(self.table).where(self.table.c.namespace_id == namespace_id)
        rows = (await conn.execute(paged(mine, self.table, paging, row))).all()
        return [self.read(each) for each in rows]

    async def everywhere(self, conn: Connection) -> dict[int, list[T]]:
        """All there are, by namespace, each in order of creation; one statement."""
        found: dict[int, list[T]] = {}
        for row in (await conn.execute(select(self.table).order_by(self.table.c.id))).all():
            found.setdefault(row.namespace_id, []).append(self.read(row))
        return found

    async def insert(self, conn: Connection, namespace_id: int, items: Sequence[T]) -> None:
        """Record some. Raises `DefinitionExists` when a name is taken."""
        if not items:
            return
        rows = [self.row(namespace_id, each) for each in items]
        try:
            await conn.execute(insert(self.table), rows)
        except IntegrityError as error:
            raise self.exists(items[0].name if len(items) == 1 else None) from error

    async def update(self, conn: Connection, item: T) -> None:
        """Write one that was read. Raises `DefinitionExists` when its new name is taken."""
        statement = update(self.table).where(self.table.c.id == bindparam("row"))
        try:
            await conn.execute(statement.values(**self.write(item)), {"row": item.id})
        except IntegrityError as error:
            raise self.exists(item.name) from error

    async def remove(self, conn: Connection, item: T) -> bool:
        """Delete one that was read; False when another request was faster."""
        result = await conn.execute(delete(self.table).where(self.table.c.id == item.id))
        return result.rowcount == 1

    async def clear(self, conn: Connection, namespace_id: int) -> None:
        """Delete all that a namespace has."""
        await conn.execute(delete(self.table).where(self.table.c.namespace_id == namespace_id))

    def row(self, namespace_id: int, item: T) -> dict[str, Any]:
        """The row of a new one."""
        return {"namespace_id": namespace_id, **self.write(item)}

    def exists(self, name: str | None) -> DefinitionExists:
        """The refusal of a name that is taken."""
        one = f"'{name}'" if name is not None else "one of these names"
        return DefinitionExists(f"The namespace has {self.article} {self.noun} named {one} already.")

    def _named(self, conn: Connection) -> Any:
        mine = self.table.c.namespace_id == bindparam("namespace")
        named = equals(conn.dialect, self.table.c.name, parameter("name", self.table.c.name))
        return select(self.table).where(mine, named)


def schema_of(text: str | None) -> Schema:
    """A recorded schema; what is not JSON reads as empty: it is shown without what it was meant to say."""
    try:
        return _decode(text or "{}")
    except (msgspec.DecodeError, RecursionError):
        return {}


def _to_property(row: Row[Any]) -> Property:
    return Property(
        name=row.name,
        schema=schema_of(row.json_schema),
        created_at=row.created_at,
        updated_at=row.updated_at,
        id=row.id,
    )


def _to_object(row: Row[Any]) -> Object:
    schemas = schema_of(row.json_schema)
    return Object(
        name=row.name,
        description=row.description,
        required=tuple(name for name in (row.required or "").split(",") if name),
        properties={name: each for name, each in schemas.items() if isinstance(each, Mapping)},
        created_at=row.created_at,
        updated_at=row.updated_at,
        id=row.id,
    )


def _to_tag(row: Row[Any]) -> Tag:
    return Tag(name=row.name, created_at=row.created_at, updated_at=row.updated_at, id=row.id)


def _times(item: Content) -> dict[str, Any]:
    return {"created_at": item.created_at, "updated_at": item.updated_at}


def _from_property(item: Property) -> dict[str, Any]:
    return {"name": item.name, "json_schema": msgspec.json.encode(item.schema).decode(), **_times(item)}


def _from_object(item: Object) -> dict[str, Any]:
    return {
        "name": item.name,
        "description": item.description,
        "required": ",".join(item.required) or None,
        "json_schema": msgspec.json.encode(item.properties).decode(),
        **_times(item),
    }


def _from_tag(item: Tag) -> dict[str, Any]:
    return {"name": item.name, **_times(item)}


PROPERTIES = Contents("property", properties, _to_property, _from_property)
OBJECTS = Contents("object", objects, _to_object, _from_object)
TAGS = Contents("tag", tags, _to_tag, _from_tag)
