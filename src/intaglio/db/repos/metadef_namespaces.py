"""The namespaces themselves: who sees them, pages of them, and writes."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace
from sqlalchemy import ColumnElement, Row, bindparam, delete, false, insert, or_, select, true, update
from sqlalchemy.exc import IntegrityError

from intaglio.db.base import Connection
from intaglio.db.repos.dialects import among, equals, parameter
from intaglio.db.repos.metadef_paging import paged
from intaglio.db.tables.metadefs import (
    namespace_resource_types,
    namespaces,
    objects,
    properties,
    resource_types,
    tags,
)
from intaglio.domain.metadefs.model import DefinitionExists, Namespace, Scope
from intaglio.domain.metadefs.query import NamespaceQuery
from intaglio.domain.query import Viewer

FIELDS = ("namespace", "display_name", "description", "visibility", "protected", "owner", "created_at", "updated_at")

_COLUMNS = [namespaces.c[name] for name in (*FIELDS, "id")]


def to_namespace(row: Row[Any]) -> Namespace:
    """The namespace of a row of `namespaces`. Glance's loader may have left visibility and protected empty."""
    return Namespace(
        namespace=row.namespace,
        display_name=row.display_name,
        description=row.description,
        visibility=Scope.PUBLIC if row.visibility == Scope.PUBLIC else Scope.PRIVATE,
        protected=bool(row.protected),
        owner=row.owner,
        created_at=row.created_at,
        updated_at=row.updated_at,
        id=row.id,
    )


def seen_by(dialect: str, viewer: Viewer) -> ColumnElement[bool]:
    """The condition for what this viewer sees; its parameter is `project`."""
    if viewer.is_admin:
        return true()
    public = namespaces.c.visibility == Scope.PUBLIC.value
    if viewer.project_id is None:
        return public
    return or_(public, equals(dialect, namespaces.c.owner, parameter("project", namespaces.c.owner)))


async def get(conn: Connection, name: str) -> Namespace | None:
    """The namespace of that name, whoever may see it."""
    named = equals(conn.dialect, namespaces.c.namespace, parameter("name", namespaces.c.namespace))
    row = (await conn.execute(select(*_COLUMNS).where(named), {"name": name})).first()
    return None if row is None else to_namespace(row)


async def page(conn: Connection, query: NamespaceQuery, marker: Namespace | None) -> list[Namespace]:
    """One page of what the viewer sees, after `marker`; one statement."""
    statement = select(*_COLUMNS).where(seen_by(conn.dialect, query.viewer))
    values: dict[str, Any] = {"project": query.viewer.project_id}
    if query.visibility is not None:
        statement = statement.where(_visible(query.visibility))
    if query.resource_types is not None:
        values |= {f"type_{place}": name for place, name in enumerate(query.resource_types)}
        statement = statement.where(namespaces.c.id.in_(_associated(conn.dialect, len(query.resource_types))))
    row = None
    if marker is not None:
        row = (await conn.execute(select(namespaces).where(namespaces.c.id == marker.id))).mappings().first()
    statement = paged(statement, namespaces, query.paging, row)
    return [to_namespace(each) for each in (await conn.execute(statement, values)).all()]


def _visible(scope: Scope) -> ColumnElement[bool]:
    public = namespaces.c.visibility == Scope.PUBLIC.value
    return public if scope is Scope.PUBLIC else or_(namespaces.c.visibility.is_(None), ~public)


def _associated(dialect: str, count: int) -> Any:
    names = [parameter(f"type_{place}", resource_types.c.name) for place in range(count)]
    link = namespace_resource_types
    joined = link.join(resource_types, resource_types.c.id == link.c.resource_type_id)
    chosen = among(dialect, resource_types.c.name, names) if names else false()
    return select(link.c.namespace_id).select_from(joined).where(chosen)


async def insert_one(conn: Connection, namespace: Namespace) -> Namespace:
    """Record a namespace; it is returned with the number of its row. Raises `DefinitionExists`."""
    try:
        result = await conn.execute(insert(namespaces), _values(namespace))
    except IntegrityError as error:
        raise _exists(namespace.namespace) from error
    key: Any = result.inserted_primary_key
    return replace(namespace, id=key[0])


async def update_one(conn: Connection, namespace: Namespace) -> None:
    """Write the own fields of a namespace that was read. Raises `DefinitionExists` when its new name is taken."""
    statement = update(namespaces).where(namespaces.c.id == bindparam("row"))
    try:
        await conn.execute(statement.values(**_values(namespace)), {"row": namespace.id})
    except IntegrityError as error:
        raise _exists(namespace.namespace) from error


async def delete_many(conn: Connection, ids: Sequence[int]) -> None:
    """Delete namespaces with all that they hold."""
    for table in (tags, objects, properties, namespace_resource_types):
        await conn.execute(delete(table).where(table.c.namespace_id.in_(ids)))
    await conn.execute(delete(namespaces).where(namespaces.c.id.in_(ids)))


def owned_by_or_public(dialect: str) -> ColumnElement[bool]:
    """The condition for what counts for things of one project; its parameter is `project`."""
    mine = equals(dialect, namespaces.c.owner, parameter("project", namespaces.c.owner))
    return or_(namespaces.c.visibility == Scope.PUBLIC.value, mine)


def _values(namespace: Namespace) -> dict[str, Any]:
    values = {name: getattr(namespace, name) for name in FIELDS}
    return values | {"visibility": namespace.visibility.value}


def _exists(name: str) -> DefinitionExists:
    return DefinitionExists(f"A namespace named '{name}' exists already.")
