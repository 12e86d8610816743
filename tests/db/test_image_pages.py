"""Pages of the list against a plain model of it: who sees what, in which order, at what cost."""

import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, text
from sqlalchemy.dialects import mysql, sqlite

from intaglio.db.base import Connection, Database
from intaglio.db.migrations import upgrade
from intaglio.db.repos import image_pages
from intaglio.db.repos import images as repo
from intaglio.db.repos.image_shapes import shape_of, values_of
from intaglio.db.repos.image_statements import page_statement
from intaglio.db.settings import DatabaseSettings
from intaglio.db.tables.images import images, properties, tags
from intaglio.domain.image import Visibility
from intaglio.domain.query import (
    FILTERS_LIMIT,
    TIME_FILTERS,
    VALUES_LIMIT,
    Direction,
    ImageQuery,
    NumberFilter,
    TimeFilter,
    Viewer,
)
from tests.db.counting import Counting
from tests.db.listing_model import Stock, all_pages, expected, put, stock
from tests.db.samples import ME, OTHER, moment, new_image
from tests.starters.databases import Databases, opened

pytestmark = pytest.mark.anyio

SQLITE = sqlite.dialect()
keys = st.sampled_from(["name", "status", "disk_format", "size", "created_at", "updated_at"])
directions = st.sampled_from(list(Direction))
operators = st.sampled_from(["gte", "lt", "neq"])
queries = st.builds(
    ImageQuery,
    viewer=st.sampled_from(
        [Viewer(ME), Viewer(OTHER), Viewer(None), Viewer(ME, is_admin=True), Viewer(None, is_admin=True)]
    ),
    sort=st.tuples(st.lists(st.tuples(keys, directions), max_size=2, unique_by=lambda each: each[0]), directions).map(
        lambda made: (*made[0], ("id", made[1]))
    ),
    limit=st.sampled_from([1, 3, 7, 100]),
    visibility=st.one_of(st.none(), st.just("all"), st.sampled_from(list(Visibility))),
    member_status=st.sampled_from(["accepted", "pending", "rejected", "all"]),
    os_hidden=st.booleans(),
    protected=st.sampled_from([None, None, True, False]),
    tags=st.sampled_from([(), (), ("t1",), ("t1", "t2"), ("nowhere",)]),
    properties=st.sampled_from([(), (), (("arch", "x86"),), (("arch", "arm"), ("os", "deb")), (("arch", "no"),)]),
    texts=st.sampled_from([(), (), (("name", ("a", "b")),), (("disk_format", ("raw",)),), (("owner", (ME,)),)]),
    numbers=st.sampled_from([(), (), (NumberFilter("size", "min", 2),), (NumberFilter("size", "eq", 1),)]),
    times=st.one_of(
        st.just(()), st.tuples(st.builds(TimeFilter, st.sampled_from(TIME_FILTERS), operators, st.just(moment(5))))
    ),
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=st.lists(queries, min_size=10, max_size=10), seed=st.integers(0, 2))
async def test_pages_are_those_of_the_model(database: Database, wanted: list[ImageQuery], seed: int) -> None:
    stocked = stock(seed)
    await put(database, stocked)
    for query in wanted:
        assert await all_pages(database, query) == expected(query, stocked), query


async def test_images_in_pages_are_complete(database: Database) -> None:
    stocked = stock(1)
    await put(database, stocked)
    query = ImageQuery(viewer=Viewer(ME, is_admin=True), visibility="all", limit=100)
    page = await database.read(lambda conn: repo.page(conn, query))
    singles = [await database.read(lambda conn, one=one: repo.get(conn, one.id)) for one in page]  # type: ignore[misc]
    assert page == singles
    assert len(page) > 30


@pytest.mark.parametrize(("few", "many", "widths"), [(0, 0, 1), (0, 0, 3), (0, 10_000, 2), (10_000, 10_000, 2)])
async def test_every_way_of_finding_a_page_finds_the_same(
    database: Database, monkeypatch: pytest.MonkeyPatch, few: int, many: int, widths: int
) -> None:
    stocked = stock(2)
    await put(database, stocked)
    monkeypatch.setattr(image_pages, "FEW", few)
    monkeypatch.setattr(image_pages, "MANY", many)
    monkeypatch.setattr(image_pages, "WIDTHS", (widths, widths))
    asked: list[dict[str, Any]] = [
        {"tags": ("t1",), "properties": (("arch", "x86"),), "limit": 2},
        {"texts": (("disk_format", ("raw", "qcow2")),), "numbers": (NumberFilter("size", "min", 2),)},
        {"protected": False, "times": (TimeFilter("updated_at", "gte", moment(3)),), "limit": 4},
        {"texts": (("owner", (OTHER,)), ("status", ("active",))), "limit": 3},
    ]
    for conditions, first, direction in itertools.product(asked, ["name", "status"], Direction):
        sort = ((first, direction), *((key, direction) for key in ("created_at", "id") if key != first))
        query = ImageQuery(viewer=Viewer(ME), visibility="all", sort=sort, **conditions)
        assert await all_pages(database, query) == expected(query, stocked), query


async def test_a_deleted_marker_keeps_its_place(database: Database) -> None:
    made = [new_image(second) for second in range(5)]
    await put(database, Stock(made, {}))
    await database.write(lambda conn: repo.delete(conn, made[2]))
    query = ImageQuery(viewer=Viewer(ME), marker=made[2].id)
    page = await database.read(lambda conn: repo.page(conn, query))
    assert [image.id for image in page] == [made[1].id, made[0].id]


async def test_an_unknown_marker_is_refused(database: Database) -> None:
    query = ImageQuery(viewer=Viewer(ME), marker=new_image().id)
    with pytest.raises(repo.MarkerUnknown):
        await database.read(lambda conn: repo.page(conn, query))


async def test_as_many_filters_as_a_list_takes(database: Database) -> None:
    """Each database has its limit of what a statement may consist of."""
    names = [str(number) for number in range(FILTERS_LIMIT)]
    image = new_image(name="n", tags=tuple(sorted(names)), properties=dict.fromkeys(names, "v"))
    await put(database, Stock([image, new_image(name="n", tags=("0",))], {}))
    values = tuple(f"n{number}" for number in range(VALUES_LIMIT - 1))
    times = tuple(TimeFilter("created_at", "gte", moment(0)) for _ in names)
    for filters in (
        {"tags": tuple(names)},
        {"properties": tuple((name, "v") for name in names)},
        {"tags": tuple(names[:25]), "properties": tuple((name, "v") for name in names[25:])},
        {"texts": (("name", (*values, "n")),), "tags": ("1",)},
        {"times": times[1:], "tags": ("1",)},
    ):
        for viewer in (Viewer(ME), Viewer(OTHER, is_admin=True)):
            query = ImageQuery(viewer=viewer, **filters)
            found = await database.read(lambda conn, asked=query: repo.page(conn, asked))  # type: ignore[misc]
            assert [each.id for each in found] == [image.id]


async def test_values_are_compared_exactly(database: Database) -> None:
    image = new_image(name="Name", properties={"Key": "Value"}, tags=("Tag",), owner="Owner")
    await put(database, Stock([image], {}))

    async def count(viewer: str = "Owner", **conditions: Any) -> int:
        query = ImageQuery(viewer=Viewer(viewer), **conditions)
        return len(await database.read(lambda conn: repo.page(conn, query)))

    assert await count(texts=(("name", ("Name",)),), tags=("Tag",), properties=(("Key", "Value"),)) == 1
    for wrong in ("name", "Name ", "Nàme"):
        assert await count(texts=(("name", (wrong,)),)) == 0
        assert await count(texts=(("name", (wrong, "other")),)) == 0
    assert await count(tags=("tag",)) == 0
    assert await count(properties=(("key", "Value"),)) == 0
    assert await count(properties=(("Key", "value "),)) == 0
    assert await count(viewer="owner") == 0


@pytest.mark.parametrize(
    ("size", "filters"), [(3, {}), (60, {}), (60, {"tags": ("t1",), "properties": (("arch", "x86"),)})]
)
async def test_statements_do_not_grow_with_the_page(database: Database, size: int, filters: dict[str, Any]) -> None:
    stocked = stock(0, size)
    await put(database, stocked)
    query = ImageQuery(viewer=Viewer(ME), marker=stocked.images[0].id, limit=100, **filters)

    async def counted(conn: Connection) -> int:
        counting = Counting(conn)
        await repo.page(counting, query)
        return counting.statements

    assert await database.read(counted) == (3 if filters else 2)


FIRST_KEYS = ["created_at", "updated_at", "name"]
VIEWS: list[tuple[Viewer, Visibility | Literal["all"] | None]] = [
    (Viewer(ME, is_admin=True), None),
    (Viewer(ME, is_admin=True), "all"),
    (Viewer(ME), None),
    (Viewer(ME), "all"),
    (Viewer(ME), Visibility.PRIVATE),
    (Viewer(None), Visibility.COMMUNITY),
]


@pytest.fixture
async def sqlite_database(tmp_path: Path) -> AsyncIterator[Database]:
    settings = DatabaseSettings(connection=f"sqlite:///{tmp_path}/images.sqlite")
    await upgrade(settings)
    database = await opened(settings)
    yield database
    await database.close()


@pytest.mark.parametrize("marked", [False, True])
@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("key", FIRST_KEYS)
@pytest.mark.parametrize("view", VIEWS)
async def test_sqlite_walks_indexes(
    sqlite_database: Database,
    view: tuple[Viewer, Visibility | Literal["all"] | None],
    key: str,
    direction: Direction,
    marked: bool,
) -> None:
    """Each branch enters by its index and is not sorted, but for the images shared with a project."""
    viewer, visibility = view
    sort = tuple((column, direction) for column in dict.fromkeys((key, "created_at", "id")))
    query = ImageQuery(viewer=viewer, visibility=visibility, sort=sort)
    marker = tuple("x" if column in ("name", "id") else moment(0) for column, _ in sort) if marked else None
    plan = await explained(sqlite_database, query, marker)
    walks = [line for line in plan if line.startswith("SEARCH images") and "sqlite_autoindex" not in line]
    assert len(walks) == len([line for line in plan if "intaglio_images_" in line]) >= 1
    for line in walks:
        led = "visibility" if "_visibility_" in line else "owner"
        assert f"(deleted=? AND os_hidden=? AND {led}=?" in line, line
    assert not [line for line in plan if line.startswith("SCAN") and line != "SCAN chosen"]
    sorts = len([line for line in plan if "TEMP B-TREE" in line])
    shared = any("image_members" in line for line in plan)
    assert sorts <= 1 + shared * len([line for line in plan if "image_members" in line])


async def crowd(database: Database, size: int) -> None:
    """Many images of others, and a few of ours, spread evenly over time."""
    few = range(0, size, size // 40)
    made = [
        new_image(
            number,
            name=f"n{number}",
            owner=ME if number in few else OTHER,
            visibility=Visibility.PRIVATE if number in few else list(Visibility)[number % 4],
        )
        for number in range(size)
    ]

    async def work(conn: Connection) -> None:
        fields = [column.name for column in images.columns if column.name not in ("deleted", "deleted_at")]
        rows = [{**{field: getattr(image, field) for field in fields}, "deleted": False} for image in made]
        await conn.execute(insert(images), rows)
        children = [{"image_id": image.id, "created_at": moment(0), "deleted": False} for image in made]
        await conn.execute(insert(properties), [{**row, "name": "p", "value": "v"} for row in children])
        await conn.execute(insert(tags), [{**row, "value": "t"} for row in children])

    await database.write(work)


async def work_for(database: Database, query: ImageQuery) -> int:
    """How many hundreds of steps SQLite's machine takes for a page."""
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    async def work(conn: Connection) -> None:
        driver: Any = (await conn.execute(text("SELECT 1"))).connection.connection.driver_connection
        driver.set_progress_handler(step, 100)
        assert len(await repo.page(conn, query)) == query.limit
        driver.set_progress_handler(None, 0)

    await database.read(work)
    return steps


@pytest.mark.parametrize("key", FIRST_KEYS)
async def test_a_page_costs_the_same_in_a_large_catalogue(tmp_path: Path, key: str) -> None:
    sort = tuple((column, Direction.DESC) for column in dict.fromkeys((key, "created_at", "id")))
    views = [(Viewer(ME, is_admin=True), None), (Viewer(ME), None), (Viewer(ME), Visibility.PRIVATE)]
    costs: dict[int, list[int]] = {}
    for size in (400, 8000):
        settings = DatabaseSettings(connection=f"sqlite:///{tmp_path}/{size}.sqlite")
        await upgrade(settings)
        database = await opened(settings)
        await crowd(database, size)
        everything = ImageQuery(viewer=views[0][0], sort=sort, limit=size // 2)
        deep = (await database.read(lambda conn, asked=everything: repo.page(conn, asked)))[-1].id  # type: ignore[misc]
        queries = [ImageQuery(viewer=viewer, visibility=only, sort=sort, limit=10) for viewer, only in views]
        queries += [msgspec.structs.replace(query, marker=deep) for query in queries]
        costs[size] = [await work_for(database, query) for query in queries]
        await database.close()
    assert all(large <= small * 1.2 + 1 for small, large in zip(costs[400], costs[8000], strict=True)), costs


async def test_mariadb_walks_indexes(database: Database, databases: Databases) -> None:
    if databases.kind != "mariadb":
        return  # SQLite is asked above; PostgreSQL decides by its statistics
    query = ImageQuery(viewer=Viewer(ME), visibility="all")
    shape = shape_of("mysql", query, (moment(0), "x"))
    whole = page_statement(shape).params(**values_of(query, (moment(0), "x")))
    compiled = str(whole.compile(compile_kwargs={"literal_binds": True}, dialect=mysql.dialect()))

    async def work(conn: Connection) -> list[tuple[str, str]]:
        rows = await conn.execute(text("EXPLAIN " + compiled.replace(":", "\\:")))
        return [(row.key, row.Extra) for row in rows if row.key and row.key.startswith("intaglio_images_")]

    walks = await database.read(work)
    keys = ["intaglio_images_owner_created", "intaglio_images_visibility_created", "intaglio_images_visibility_created"]
    assert sorted(key for key, _ in walks) == keys
    assert not [extra for _, extra in walks if "filesort" in extra]


async def explained(database: Database, query: ImageQuery, marker: tuple[Any, ...] | None) -> list[str]:
    async def work(conn: Connection) -> list[str]:
        shape = shape_of(conn.dialect, query, marker)
        whole = page_statement(shape).params(**values_of(query, marker))
        compiled = whole.compile(compile_kwargs={"literal_binds": True}, dialect=SQLITE)
        rows = await conn.execute(text("EXPLAIN QUERY PLAN " + str(compiled).replace(":", "\\:")))
        return [row.detail for row in rows]

    return await database.read(work)
