"""What the catalogue says about properties of images: two statements, however many namespaces there are."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import FromClause, Table, bindparam, func, select

from intaglio.db.base import Connection
from intaglio.db.repos.dialects import equals, parameter
from intaglio.db.repos.metadef_contents import schema_of
from intaglio.db.repos.metadef_namespaces import owned_by_or_public
from intaglio.db.tables.metadefs import namespace_resource_types, namespaces, objects, properties, resource_types
from intaglio.domain.metadefs.model import IMAGES
from intaglio.domain.metadefs.vocabulary import Term

_LINK = namespace_resource_types


async def terms(conn: Connection, owner: str | None, names: Sequence[str] | None = None) -> list[Term]:
    """Definitions of the properties `names`, or of all, that count for an image of the project `owner`.

    They stand in namespaces that are associated with images and public or the owner's own; their names have the
    association's prefix.
    """
    if names is not None and not names:
        return []
    return [*await _properties(conn, owner, names), *await _objects(conn, owner, names)]


async def _properties(conn: Connection, owner: str | None, names: Sequence[str] | None) -> list[Term]:
    full = func.coalesce(_LINK.c.prefix, "") + properties.c.name
    statement = _select(conn, properties, full.label("full"), properties.c.json_schema)
    if names is not None:
        statement = statement.where(full.in_(bindparam("names", expanding=True)))
    rows = (await conn.execute(statement, _values(owner, names))).all()
    return [Term(row.namespace, row.full, schema_of(row.json_schema)) for row in rows]


async def _objects(conn: Connection, owner: str | None, names: Sequence[str] | None) -> list[Term]:
    statement = _select(conn, objects, _LINK.c.prefix, objects.c.json_schema)
    found = []
    for row in (await conn.execute(statement, _values(owner, None))).all():
        for name, schema in schema_of(row.json_schema).items():
            full = (row.prefix or "") + name
            if isinstance(schema, Mapping) and (names is None or full in names):
                found.append(Term(row.namespace, full, schema))
    return found


def _select(conn: Connection, contents: Table, *columns: Any) -> Any:
    joined: FromClause = contents.join(namespaces, namespaces.c.id == contents.c.namespace_id)
    joined = joined.join(_LINK, _LINK.c.namespace_id == namespaces.c.id)
    joined = joined.join(resource_types, resource_types.c.id == _LINK.c.resource_type_id)
    images = equals(conn.dialect, resource_types.c.name, parameter("images", resource_types.c.name))
    statement = select(namespaces.c.namespace, *columns).select_from(joined)
    return statement.where(images, owned_by_or_public(conn.dialect)).order_by(contents.c.id)


def _values(owner: str | None, names: Sequence[str] | None) -> dict[str, Any]:
    values: dict[str, Any] = {"images": IMAGES, "project": owner or ""}
    return values if names is None else {**values, "names": list(names)}
