"""Properties, objects and tags in a namespace: list, show, define, change, delete.

The three have the same life; what differs is the rule that decides. `Use` holds one kind's rules and repository.
"""

from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec
from msgspec.structs import replace

from intaglio.authz.engine import Caller
from intaglio.base.clock import utcnow
from intaglio.base.errors import Invalid
from intaglio.db.base import Connection
from intaglio.db.repos import metadef_resource_types as types
from intaglio.db.repos.metadef_contents import OBJECTS, PROPERTIES, TAGS, Contents
from intaglio.domain.metadefs.model import Content, DefinitionNotFound, Namespace, Property, Tag
from intaglio.domain.metadefs.query import Paging
from intaglio.domain.properties import storable
from intaglio.services.metadef_access import require_unprotected, row_of, target, visible_namespace
from intaglio.services.parts import Parts

T = TypeVar("T", bound=Content)


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """The policy rules for one kind of content."""

    list: str
    get: str
    add: str
    modify: str
    remove: str
    clear: tuple[str, ...] = ("delete_metadef_namespace",)


class Use(Generic[T]):
    """The use cases on one kind of content."""

    def __init__(self, contents: Contents[T], rules: Rules) -> None:
        self.contents = contents
        self.rules = rules

    async def page(self, parts: Parts, caller: Caller, namespace: str, paging: Paging) -> Sequence[T]:
        """One page. Raises `NamespaceNotFound`, `DefinitionNotFound` for an unknown marker, `PolicyRefused`."""

        async def work(conn: Connection) -> Sequence[T]:
            place = await visible_namespace(conn, parts, caller, namespace, self.rules.list)
            marker = None if paging.marker is None else await self._one(conn, place, paging.marker)
            if paging.limit == 0 or not parts.policy.allows(self.rules.get, caller, target(place)):
                return ()
            return await self.contents.page(conn, row_of(place), paging, marker)

        return await parts.database.read(work)

    async def show(self, parts: Parts, caller: Caller, namespace: str, name: str) -> T:
        """One of them. Raises `NamespaceNotFound`, `DefinitionNotFound`, `PolicyRefused`."""

        async def work(conn: Connection) -> T:
            place = await visible_namespace(conn, parts, caller, namespace, self.rules.get)
            return await self._one(conn, place, name)

        return await parts.database.read(work)

    async def create(self, parts: Parts, caller: Caller, namespace: str, item: T) -> T:
        """Define one. Raises `NamespaceNotFound`, `DefinitionExists`, `PolicyRefused`."""
        made = _new(item)

        async def work(conn: Connection) -> None:
            place = await visible_namespace(conn, parts, caller, namespace, self.rules.add)
            await self.contents.insert(conn, row_of(place), [made])

        await parts.database.write(work)
        return made

    async def update(self, parts: Parts, caller: Caller, namespace: str, name: str, item: T) -> T:
        """Replace one, its name included. Raises as `show` does, and `DefinitionExists`."""

        async def work(conn: Connection) -> T:
            place = await visible_namespace(conn, parts, caller, namespace, self.rules.modify)
            before = await self._one(conn, place, name)
            after = replace(item, id=before.id, created_at=before.created_at, updated_at=utcnow())
            await self.contents.update(conn, after)
            return after

        return await parts.database.write(work)

    async def remove(self, parts: Parts, caller: Caller, namespace: str, name: str) -> None:
        """Delete one. Raises as `show` does, and `NamespaceProtected`."""

        async def work(conn: Connection) -> None:
            place = await visible_namespace(conn, parts, caller, namespace, self.rules.remove)
            item = await self._one(conn, place, name)
            require_unprotected(place)
            if not await self.contents.remove(conn, item):
                raise self._absent(place, name)

        await parts.database.write(work)

    async def clear(self, parts: Parts, caller: Caller, namespace: str) -> None:
        """Delete all of them. Raises `NamespaceNotFound`, `NamespaceProtected`, `PolicyRefused`."""

        async def work(conn: Connection) -> None:
            place = await visible_namespace(conn, parts, caller, namespace, *self.rules.clear)
            require_unprotected(place)
            await self.contents.clear(conn, row_of(place))

        await parts.database.write(work)

    async def _one(self, conn: Connection, place: Namespace, name: str) -> T:
        try:
            storable("name", name)
            item = await self.contents.get(conn, row_of(place), name)
        except Invalid:
            item = None
        if item is None:
            raise self._absent(place, name)
        return item

    def _absent(self, place: Namespace, name: str) -> DefinitionNotFound:
        return DefinitionNotFound(f"The namespace '{place.namespace}' has no {self.contents.noun} named '{name[:80]}'.")


properties = Use(
    PROPERTIES,
    Rules(
        list="get_metadef_properties",
        get="get_metadef_property",
        add="add_metadef_property",
        modify="modify_metadef_property",
        remove="remove_metadef_property",
    ),
)
objects = Use(
    OBJECTS,
    Rules(
        list="get_metadef_objects",
        get="get_metadef_object",
        add="add_metadef_object",
        modify="modify_metadef_object",
        remove="delete_metadef_object",
    ),
)
tags = Use(
    TAGS,
    Rules(
        list="get_metadef_tags",
        get="get_metadef_tag",
        add="add_metadef_tag",
        modify="modify_metadef_tag",
        remove="delete_metadef_tag",
        clear=("delete_metadef_namespace", "delete_metadef_tags"),
    ),
)


async def show_prefixed(parts: Parts, caller: Caller, namespace: str, name: str, resource_type: str) -> Property:
    """The property that things of a resource type know by `name`, its association's prefix included.

    Raises as `properties.show` does; `DefinitionNotFound` also when the namespace is not for that type, or the name
    does not start with the prefix.
    """

    async def work(conn: Connection) -> str:
        place = await visible_namespace(conn, parts, caller, namespace, "get_metadef_property")
        await visible_namespace(conn, parts, caller, namespace, "get_metadef_resource_type")
        known = (await types.associations(conn, [row_of(place)])).get(row_of(place), [])
        found = next((each for each in known if each.name == resource_type), None)
        if found is None:
            raise DefinitionNotFound(f"The namespace '{namespace}' is not associated with '{resource_type[:80]}'.")
        prefix = found.prefix or ""
        if not name.startswith(prefix):
            raise DefinitionNotFound(
                f"Properties of '{namespace}' start with '{prefix}' on '{resource_type[:80]}'; '{name[:80]}' does not."
            )
        return name.removeprefix(prefix)

    return await properties.show(parts, caller, namespace, await parts.database.read(work))


async def add_tags(
    parts: Parts, caller: Caller, namespace: str, wanted: Sequence[Tag], *, append: bool
) -> Sequence[Tag]:
    """Add many tags; those that are there go first, unless they are to be appended to or none is wanted.

    All or nothing. Raises `NamespaceNotFound`, `DefinitionExists`, `PolicyRefused`.
    """
    made = [_new(tag) for tag in wanted]

    async def work(conn: Connection) -> None:
        place = await visible_namespace(conn, parts, caller, namespace, "add_metadef_tags")
        if made and not append:
            await TAGS.clear(conn, row_of(place))
        await TAGS.insert(conn, row_of(place), made)

    await parts.database.write(work)
    return made


def _new(item: T) -> T:
    now = utcnow()
    return replace(item, created_at=now, updated_at=now)
