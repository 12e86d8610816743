"""Resource types, and the namespaces' associations with them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, and_, delete, insert, select
from sqlalchemy.exc import IntegrityError

from intaglio.db.base import Connection
from intaglio.db.repos.dialects import equals, parameter
from intaglio.db.tables.metadefs import namespace_resource_types, resource_types
from intaglio.domain.metadefs.model import Association, DefinitionExists, ResourceType

_LINK = namespace_resource_types
_JOINED = _LINK.join(resource_types, resource_types.c.id == _LINK.c.resource_type_id)
_COLUMNS = (
    resource_types.c.name,
    _LINK.c.prefix,
    _LINK.c.properties_target,
    _LINK.c.created_at,
    _LINK.c.updated_at,
    _LINK.c.namespace_id,
)


def _to_association(row: Row[Any]) -> Association:
    return Association(
        name=row.name,
        prefix=row.prefix,
        properties_target=row.properties_target,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


async def all_types(conn: Connection) -> list[ResourceType]:
    """Every resource type, in order of creation."""
    rows = (await conn.execute(select(resource_types).order_by(resource_types.c.id))).all()
    return [ResourceType(name=row.name, created_at=row.created_at, updated_at=row.updated_at) for row in rows]


async def associations(conn: Connection, namespace_ids: Sequence[int] | None = None) -> dict[int, list[Association]]:
    """The associations of these namespaces, or of all, by namespace, in order of names."""
    statement = select(*_COLUMNS).select_from(_JOINED).order_by(resource_types.c.name)
    if namespace_ids is not None:
        if not namespace_ids:
            return {}
        statement = statement.where(_LINK.c.namespace_id.in_(namespace_ids))
    found: dict[int, list[Association]] = {}
    for row in (await conn.execute(statement)).all():
        found.setdefault(row.namespace_id, []).append(_to_association(row))
    return found


async def associate(conn: Connection, namespace_id: int, wanted: Sequence[Association]) -> None:
    """Make associations, and resource types that are not there yet. Raises `DefinitionExists`."""
    for each in wanted:
        type_id = await _type_id(conn, each)
        values = {name: getattr(each, name) for name in ("prefix", "properties_target", "created_at", "updated_at")}
        try:
            row = {"namespace_id": namespace_id, "resource_type_id": type_id, **values}
            await conn.execute(insert(_LINK), row)
        except IntegrityError as error:
            raise DefinitionExists(f"The namespace is associated with '{each.name}' already.") from error


async def dissociate(conn: Connection, namespace_id: int, name: str) -> bool:
    """End an association; False when there was none. The resource type stays."""
    named = equals(conn.dialect, resource_types.c.name, parameter("name", resource_types.c.name))
    ids = (await conn.execute(select(resource_types.c.id).where(named), {"name": name})).scalars().all()
    mine = and_(_LINK.c.namespace_id == namespace_id, _LINK.c.resource_type_id.in_(ids))
    return (await conn.execute(delete(_LINK).where(mine))).rowcount > 0


async def _type_id(conn: Connection, association: Association) -> int:
    named = equals(conn.dialect, resource_types.c.name, parameter("name", resource_types.c.name))
    known = (await conn.execute(select(resource_types.c.id).where(named), {"name": association.name})).scalar()
    if known is not None:
        return int(known)
    times = {"created_at": association.created_at, "updated_at": association.updated_at}
    try:
        result = await conn.execute(insert(resource_types), {"name": association.name, "protected": False, **times})
    except IntegrityError as error:
        raise DefinitionExists(
            f"The resource type '{association.name}' was being made by another request, or differs from one that is "
            "there only in case or accents, which this database ignores."
        ) from error
    key: Any = result.inserted_primary_key
    return int(key[0])
