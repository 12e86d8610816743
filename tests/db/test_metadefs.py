"""The catalogue on each database: what a page costs, pages that hold each row once, names that are told apart."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from sqlalchemy import update

from intaglio.base.clock import utcnow
from intaglio.db.base import Connection, Database
from intaglio.db.repos import metadef_catalogue as catalogue
from intaglio.db.repos import metadef_namespaces as namespaces
from intaglio.db.repos import metadef_resource_types as types
from intaglio.db.repos import metadef_vocabulary as vocabulary
from intaglio.db.repos.metadef_contents import IN_ORDER, OBJECTS, PROPERTIES, TAGS
from intaglio.db.tables import metadefs as tables
from intaglio.domain.metadefs.model import (
    IMAGES,
    Association,
    Definition,
    DefinitionExists,
    Namespace,
    Object,
    Property,
    Scope,
    Tag,
)
from intaglio.domain.metadefs.query import NAMESPACE_SORT_KEYS, NamespaceQuery, Paging
from intaglio.domain.query import Direction, Viewer
from tests.db.counting import Counting

pytestmark = pytest.mark.anyio

T = TypeVar("T")
ADMIN = Viewer("ops", is_admin=True)


def definition(number: int) -> Definition:
    """One of many: some public, some without a display name, all for images."""
    return Definition(
        namespace=Namespace(
            namespace=f"Ns {number:04}",
            display_name=None if number % 3 == 0 else f"Shown {number % 7}",
            description=None if number % 2 else "words",
            visibility=Scope.PUBLIC if number % 2 else Scope.PRIVATE,
            owner=f"project {number % 4}",
        ),
        associations=(Association(name=IMAGES, prefix="hw_"),),
        properties=(Property(name=f"p{number}", schema={"title": "T", "type": "string"}),),
        objects=(Object(name="o", properties={f"q{number}": {"title": "Q", "type": "integer"}}),),
        tags=(Tag(name="t"), Tag(name="u")),
    )


async def fill(database: Database, count: int) -> None:
    pairs = [(None, definition(number)) for number in range(count)]
    await database.write(lambda conn: catalogue.write(conn, pairs, utcnow()))


async def counted(database: Database, ask: Callable[[Connection], Awaitable[T]]) -> tuple[T, int]:
    """What `ask` answers, and in how many statements."""

    async def work(conn: Connection) -> tuple[T, int]:
        counting = Counting(conn)
        return await ask(counting), counting.statements

    return await database.read(work)


async def list_all(conn: Connection, query: NamespaceQuery) -> list[Namespace]:
    """As the service lists: the namespaces, then their associations."""
    found = await namespaces.page(conn, query, None)
    links = await types.associations(conn, [each.id for each in found if each.id is not None])
    assert all(links[each.id or 0][0].name == IMAGES for each in found)
    return found


async def test_a_thousand_namespaces_cost_two_statements(database: Database) -> None:
    await fill(database, 1000)
    everyone = NamespaceQuery(viewer=ADMIN, paging=Paging(limit=1000))
    found, statements = await counted(database, lambda conn: list_all(conn, everyone))
    assert (len(found), statements) == (1000, 2)
    one = NamespaceQuery(viewer=ADMIN, paging=Paging(limit=1))
    found, statements = await counted(database, lambda conn: list_all(conn, one))
    assert (len(found), statements) == (1, 2)
    whole, statements = await counted(database, catalogue.everything)
    assert (len(whole), statements) == (1000, 5)
    known, statements = await counted(database, lambda conn: vocabulary.terms(conn, "project 0", ["hw_p7", "hw_q9"]))
    assert statements == 2
    assert {(term.name, term.namespace) for term in known} == {("hw_p7", "Ns 0007"), ("hw_q9", "Ns 0009")}


@pytest.fixture
async def few(database: Database) -> Database:
    await fill(database, 25)
    return database


@pytest.mark.parametrize("direction", list(Direction))
async def test_pages_hold_each_namespace_once(few: Database, direction: Direction) -> None:
    for key in NAMESPACE_SORT_KEYS:
        wanted = [each.namespace for each in await page_of(few, Paging(sort_key=key, direction=direction))]
        found: list[str] = []
        marker: Namespace | None = None
        while len(found) <= 25:
            paging = Paging(sort_key=key, direction=direction, limit=4)
            page = await page_of(few, paging, marker)
            found += [each.namespace for each in page]
            if len(page) < 4:
                break
            marker = page[-1]
        assert found == wanted, key
        assert len(set(found)) == 25


async def test_who_sees_which(few: Database) -> None:
    async def seen(viewer: Viewer, **more: object) -> set[str]:
        query = NamespaceQuery(viewer=viewer, paging=Paging(), **more)  # type: ignore[arg-type]
        return {each.namespace for each in await few.read(lambda conn: namespaces.page(conn, query, None))}

    public = {f"Ns {number:04}" for number in range(25) if number % 2}
    own = {f"Ns {number:04}" for number in range(25) if number % 4 == 2}
    assert await seen(Viewer("project 2")) == public | own
    assert await seen(Viewer(None)) == public
    assert await seen(Viewer("PROJECT 2")) == public
    assert await seen(Viewer("project 2"), visibility=Scope.PRIVATE) == own
    assert await seen(ADMIN, resource_types=("OS::Nothing",)) == set()
    assert len(await seen(ADMIN, resource_types=("OS::Nothing", IMAGES))) == 25


async def named(database: Database, name: str) -> Namespace | None:
    return await database.read(lambda conn: namespaces.get(conn, name))


async def page_of(database: Database, paging: Paging, marker: Namespace | None = None) -> list[Namespace]:
    query = NamespaceQuery(viewer=ADMIN, paging=paging)
    return await database.read(lambda conn: namespaces.page(conn, query, marker))


async def test_names_are_told_apart_exactly(few: Database) -> None:
    """Also where the database itself takes case and trailing spaces for nothing."""
    assert await few.read(lambda conn: namespaces.get(conn, "Ns 0001")) is not None
    for other in ("ns 0001", "Ns 0001 ", "N\u015b 0001"):
        assert await named(few, other) is None


async def test_a_taken_name_is_refused(few: Database) -> None:
    one = await few.read(lambda conn: namespaces.get(conn, "Ns 0001"))
    assert one is not None
    assert one.id is not None
    with pytest.raises(DefinitionExists):
        await few.write(lambda conn: namespaces.insert_one(conn, definition(2).namespace))
    with pytest.raises(DefinitionExists):
        await few.write(lambda conn: TAGS.insert(conn, one.id or 0, [Tag(name="t", created_at=utcnow())]))
    with pytest.raises(DefinitionExists):
        await few.write(lambda conn: types.associate(conn, one.id or 0, [Association(name=IMAGES)]))


async def test_what_glance_leaves_empty_has_its_default(few: Database) -> None:
    """Glance's loader writes NULL for what a file does not say."""

    async def empty(conn: Connection) -> None:
        await conn.execute(update(tables.namespaces).values(visibility=None, protected=None))
        await conn.execute(update(tables.objects).values(json_schema="null", required=None))
        await conn.execute(update(tables.properties).values(json_schema="not JSON"))

    await few.write(empty)
    one = await few.read(lambda conn: namespaces.get(conn, "Ns 0001"))
    assert one is not None
    assert (one.visibility, one.protected) == (Scope.PRIVATE, False)
    (held,) = await few.read(lambda conn: OBJECTS.page(conn, one.id or 0, IN_ORDER))
    assert (held.properties, held.required) == ({}, ())
    (item,) = await few.read(lambda conn: PROPERTIES.page(conn, one.id or 0, IN_ORDER))
    assert item.schema == {}
    query = NamespaceQuery(viewer=ADMIN, paging=Paging(), visibility=Scope.PRIVATE)
    assert len(await few.read(lambda conn: namespaces.page(conn, query, None))) == 25
