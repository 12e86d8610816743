"""Namespaces of the catalogue: list, show, define, change, delete; and resource types."""

from collections.abc import Sequence

from msgspec.structs import replace

from intaglio.authz.engine import Caller
from intaglio.base.clock import utcnow
from intaglio.base.errors import Invalid
from intaglio.db.base import Connection
from intaglio.db.repos import metadef_namespaces as namespaces
from intaglio.db.repos import metadef_resource_types as types
from intaglio.db.repos.metadef_contents import IN_ORDER, OBJECTS, PROPERTIES, TAGS
from intaglio.domain.metadefs.model import (
    Association,
    Definition,
    DefinitionNotFound,
    Namespace,
    ResourceType,
)
from intaglio.domain.metadefs.query import NamespaceQuery
from intaglio.services.metadef_access import may_see, own, require_unprotected, row_of, target, visible_namespace
from intaglio.services.parts import Parts

_SHOW = (
    "list_metadef_resource_types",
    "get_metadef_objects",
    "get_metadef_properties",
    "get_metadef_tags",
)


class OwnerMissing(Invalid):
    """A namespace has an owner, and neither the request nor the caller's credentials name one."""

    code = "metadef-owner-missing"


async def page(parts: Parts, caller: Caller, query: NamespaceQuery) -> tuple[Sequence[Definition], str | None]:
    """One page, each namespace with its associations alone; and the marker of the next page, if there may be one.

    Raises `NamespaceNotFound` for an unknown marker, `PolicyRefused`.
    """
    parts.policy.require("get_metadef_namespaces", caller, own(caller))
    parts.policy.require("list_metadef_resource_types", caller, own(caller))

    async def work(conn: Connection) -> tuple[Sequence[Definition], str | None]:
        marker = None
        if query.paging.marker is not None:
            marker = await visible_namespace(conn, parts, caller, query.paging.marker)
        if query.paging.limit == 0:
            return (), None
        found = await namespaces.page(conn, query, marker)
        more = found[-1].namespace if found and len(found) == query.paging.limit else None
        shown = [each for each in found if may_see(parts, caller, each)]
        links = await types.associations(conn, [row_of(each) for each in shown])
        return [Definition(namespace=each, associations=tuple(links.get(row_of(each), ()))) for each in shown], more

    return await parts.database.read(work)


async def show(parts: Parts, caller: Caller, name: str) -> Definition:
    """A namespace with all it holds. Raises `NamespaceNotFound`, `PolicyRefused`."""

    async def work(conn: Connection) -> Definition:
        return await _whole(conn, await visible_namespace(conn, parts, caller, name, *_SHOW))

    return await parts.database.read(work)


async def create(parts: Parts, caller: Caller, definition: Definition) -> Definition:
    """Define a namespace with its contents, all or nothing. Raises `DefinitionExists`, `PolicyRefused`."""
    parts.policy.require("add_metadef_namespace", caller, own(caller))
    for rule, contents in (
        ("add_metadef_resource_type_association", definition.associations),
        ("add_metadef_object", definition.objects),
        ("add_metadef_property", definition.properties),
        ("add_metadef_tag", definition.tags),
    ):
        if contents:
            parts.policy.require(rule, caller, own(caller))
    namespace = _owned(definition.namespace)
    now = {"created_at": utcnow(), "updated_at": utcnow()}

    async def work(conn: Connection) -> Definition:
        made = await namespaces.insert_one(conn, replace(namespace, **now))
        await types.associate(conn, row_of(made), [replace(each, **now) for each in definition.associations])
        await PROPERTIES.insert(conn, row_of(made), [replace(each, **now) for each in definition.properties])
        await OBJECTS.insert(conn, row_of(made), [replace(each, **now) for each in definition.objects])
        await TAGS.insert(conn, row_of(made), [replace(each, **now) for each in definition.tags])
        return await _whole(conn, made)

    return await parts.database.write(work)


async def update(parts: Parts, caller: Caller, name: str, fields: Namespace) -> Namespace:
    """Replace a namespace's own fields, its name among them; what it holds stays.

    Raises `NamespaceNotFound`, `DefinitionExists`, `PolicyRefused`.
    """
    fields = _owned(fields)

    async def work(conn: Connection) -> Namespace:
        before = await visible_namespace(conn, parts, caller, name, "modify_metadef_namespace")
        after = replace(fields, id=before.id, created_at=before.created_at, updated_at=utcnow())
        await namespaces.update_one(conn, after)
        return after

    return await parts.database.write(work)


async def delete(parts: Parts, caller: Caller, name: str) -> None:
    """Delete a namespace and all it holds. Raises `NamespaceNotFound`, `NamespaceProtected`, `PolicyRefused`."""

    async def work(conn: Connection) -> None:
        namespace = await visible_namespace(conn, parts, caller, name, "delete_metadef_namespace")
        require_unprotected(namespace)
        await namespaces.delete_many(conn, [row_of(namespace)])

    await parts.database.write(work)


async def resource_types(parts: Parts, caller: Caller) -> Sequence[ResourceType]:
    """All resource types there are. Raises `PolicyRefused`."""
    parts.policy.require("list_metadef_resource_types", caller, own(caller))
    return await parts.database.read(types.all_types)


async def associations(parts: Parts, caller: Caller, name: str) -> Sequence[Association]:
    """The resource types a namespace is for. Raises `NamespaceNotFound`, `PolicyRefused`."""

    async def work(conn: Connection) -> Sequence[Association]:
        namespace = await visible_namespace(conn, parts, caller, name, "list_metadef_resource_types")
        if not parts.policy.allows("get_metadef_resource_type", caller, target(namespace)):
            return ()
        return (await types.associations(conn, [row_of(namespace)])).get(row_of(namespace), [])

    return await parts.database.read(work)


async def associate(parts: Parts, caller: Caller, name: str, association: Association) -> Association:
    """Say that a namespace is for a resource type. Raises `NamespaceNotFound`, `DefinitionExists`, `PolicyRefused`."""
    made = replace(association, created_at=utcnow(), updated_at=utcnow())

    async def work(conn: Connection) -> None:
        namespace = await visible_namespace(conn, parts, caller, name, "add_metadef_resource_type_association")
        await types.associate(conn, row_of(namespace), [made])

    await parts.database.write(work)
    return made


async def dissociate(parts: Parts, caller: Caller, name: str, resource_type: str) -> None:
    """Take that back. Raises `NamespaceNotFound`, `DefinitionNotFound`, `NamespaceProtected`, `PolicyRefused`."""

    async def work(conn: Connection) -> None:
        namespace = await visible_namespace(conn, parts, caller, name, "remove_metadef_resource_type_association")
        known = (await types.associations(conn, [row_of(namespace)])).get(row_of(namespace), [])
        if resource_type not in {each.name for each in known}:
            raise DefinitionNotFound(f"The namespace '{name}' is not associated with '{resource_type[:80]}'.")
        require_unprotected(namespace)
        await types.dissociate(conn, row_of(namespace), resource_type)

    await parts.database.write(work)


async def _whole(conn: Connection, namespace: Namespace) -> Definition:
    number = row_of(namespace)
    return Definition(
        namespace=namespace,
        associations=tuple((await types.associations(conn, [number])).get(number, ())),
        properties=tuple(await PROPERTIES.page(conn, number, IN_ORDER)),
        objects=tuple(await OBJECTS.page(conn, number, IN_ORDER)),
        tags=tuple(await TAGS.page(conn, number, IN_ORDER)),
    )


def _owned(namespace: Namespace) -> Namespace:
    if not namespace.owner:
        raise OwnerMissing("Name an 'owner': your credentials are for no project.")
    return namespace
