"""`intaglio db upgrade` of databases that are empty, Glance-made, cut off, too old or too new; and by many at once."""

import asyncio
import sys
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection as SyncConnection
from sqlalchemy import MetaData, Table, create_engine, delete, insert, inspect, update
from sqlalchemy.schema import DropTable

import intaglio.db.migrations
from intaglio.db.base import Connection, SchemaUnfit
from intaglio.db.engine import open_database
from intaglio.db.migrations import Upgraded, check, status, upgrade
from intaglio.db.repos import image_search
from intaglio.db.repos.image_pages import page
from intaglio.db.schema import GLANCE_VERSION, HEAD, KNOWN, OUR_VERSION
from intaglio.db.servers import server_engine
from intaglio.db.settings import DatabaseSettings
from intaglio.db.tables import ADDED, GLANCE
from intaglio.db.tables.images import images, properties
from intaglio.db.urls import parse
from intaglio.domain.query import ImageQuery, Viewer
from intaglio.domain.search import read_search
from tests.db.samples import moment
from tests.starters.databases import Databases, glance_manage

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]


async def inspected(settings: DatabaseSettings) -> dict[str, Any]:
    """Every table of a database as SQLAlchemy finds it there."""
    target = parse(settings.connection)
    if target.dialect == "sqlite":
        engine = create_engine(target.url)
        with engine.connect() as connection:
            found = described(connection)
        engine.dispose()
        return found
    servers = server_engine(target, settings)
    async with servers.connect() as connecting:
        found = await connecting.run_sync(described)
    await servers.dispose()
    return found


def described(connection: SyncConnection) -> dict[str, Any]:
    """Every table, but for those that SQLite keeps its full-text index in."""
    seen = inspect(connection)
    return {
        name: {
            "columns": {column["name"]: described_column(column) for column in seen.get_columns(name)},
            "primary": seen.get_pk_constraint(name)["constrained_columns"],
            "indexes": {str(each["name"]): (each["column_names"], each["unique"]) for each in seen.get_indexes(name)},
            "unique": {str(each["name"]): each["column_names"] for each in seen.get_unique_constraints(name)},
            "foreign": sorted(
                (each["constrained_columns"], each["referred_table"], each["referred_columns"])
                for each in seen.get_foreign_keys(name)
            ),
        }
        for name in seen.get_table_names()
        if not name.startswith("intaglio_image_words")
    }


def described_column(column: Any) -> tuple[object, ...]:
    return (str(column["type"]), column["nullable"], column["default"])


async def test_an_empty_database_becomes_glances_and_ours(databases: Databases) -> None:
    settings = databases.empty()
    assert (await status(settings)).problem is not None
    assert await upgrade(settings) == Upgraded(before=None, after=HEAD, created=True)
    assert (await status(settings)).problem is None
    await check(settings)
    again = await upgrade(settings)
    assert again == Upgraded(before=HEAD, after=HEAD, created=False)
    assert not again.changed


@pytest.mark.real
async def test_what_we_make_is_what_glance_makes(databases: Databases) -> None:
    theirs = await inspected(databases.glance_made())
    settings = databases.empty()
    await upgrade(settings)
    ours = await inspected(settings)
    assert set(theirs) == {table.name for table in GLANCE} | {GLANCE_VERSION.name}
    assert set(ours) == set(theirs) | {table.name for table in ADDED} | {OUR_VERSION.name}
    for name in theirs:
        indexes = ours[name]["indexes"]
        ours[name]["indexes"] = {index: indexes[index] for index in indexes if not index.startswith("intaglio_")}
        assert ours[name] == theirs[name], name


@pytest.mark.real
async def test_glance_takes_what_we_made(databases: Databases) -> None:
    settings = databases.empty()
    await upgrade(settings)
    if databases.kind != "postgresql":  # for which glance-manage knows no check
        assert "up to date" in glance_manage(settings, databases.home, "db", "check").stdout
    assert "No migrations needed" in glance_manage(settings, databases.home, "db", "sync").stdout
    await check(settings)


@pytest.mark.real
async def test_we_take_what_glance_made(databases: Databases) -> None:
    settings = databases.glance_made()
    theirs = await inspected(settings)
    with pytest.raises(SchemaUnfit, match="intaglio db upgrade"):
        await check(settings)
    assert await upgrade(settings) == Upgraded(before=None, after=HEAD, created=False)
    await check(settings)
    ours = await inspected(settings)
    assert {name: ours[name]["columns"] for name in theirs} == {name: theirs[name]["columns"] for name in theirs}
    glance_manage(settings, databases.home, "db", "sync")
    glance_manage(settings, databases.home, "db", "purge", "--age_in_days", "0")
    glance_manage(settings, databases.home, "db", "purge_images_table", "--age_in_days", "0")
    await check(settings)


async def test_many_upgrades_at_once(databases: Databases) -> None:
    settings = databases.empty()
    script = (
        "import asyncio, sys\n"
        "from intaglio.db.migrations import upgrade\n"
        "from intaglio.db.settings import DatabaseSettings\n"
        "print(asyncio.run(upgrade(DatabaseSettings(connection=sys.argv[1]))).created)\n"
    )
    command = (sys.executable, "-c", script, settings.connection)
    pipe = asyncio.subprocess.PIPE
    running = [await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe) for _ in range(4)]
    answers = [await each.communicate() for each in running]
    assert sorted(out.strip() for out, _ in answers) == [b"False"] * 3 + [b"True"], answers
    await check(settings)


async def execute(settings: DatabaseSettings, *statements: Any) -> None:
    async def work(conn: Connection) -> None:
        for statement in statements:
            await conn.execute(statement)

    database = open_database(settings)
    await database.write(work)
    await database.close()


async def test_images_that_are_there_can_be_searched_for(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database of the release before, with images that release wrote, and its upgrade."""
    settings = databases.empty()
    with monkeypatch.context() as before:
        before.setattr(intaglio.db.migrations, "HEAD", "0001")
        await upgrade(settings)
    now, values = moment(0), {"min_disk": 0, "min_ram": 0, "status": "active"}
    ids = [f"{number:08d}-0000-4000-8000-000000000000" for number in range(image_search.BATCH + 5)]
    rows = [{"id": each, "name": f"No. {each[:8]}", "deleted": False, "created_at": now, **values} for each in ids]
    children = [{"image_id": each, "deleted": False, "created_at": now} for each in ids]
    await execute(
        settings,
        insert(images).values([{**row, "deleted": row["id"] == ids[7]} for row in rows]),
        insert(properties).values([{**child, "name": "os_distro", "value": "debian"} for child in children]),
    )
    assert await upgrade(settings) == Upgraded(before="0001", after=HEAD, created=False)
    database = open_database(settings)
    asked = {"viewer": Viewer(None, is_admin=True), "ranked": True, "limit": 1000}
    for text, wanted in [("debian", set(ids) - {ids[7]}), ("00000011 debian", {ids[11]}), ("00000007", set())]:
        query = ImageQuery(phrases=read_search(text), **asked)  # type: ignore[arg-type]
        found = await database.read(lambda conn, query=query: page(conn, query))  # type: ignore[misc]
        assert {image.id for image in found} == wanted
    assert await database.read(image_search.outdated) == ([], ids[image_search.BATCH - 1])
    await database.close()


async def test_a_newer_database_is_refused(databases: Databases) -> None:
    settings = databases.empty()
    await upgrade(settings)
    await execute(settings, update(OUR_VERSION).values(version_num="9999"))
    for refused in (check(settings), upgrade(settings)):
        with pytest.raises(SchemaUnfit, match=f"newer release: revision 9999, this one knows {HEAD}"):
            await refused


async def test_another_glance_schema_is_refused(databases: Databases) -> None:
    settings = databases.empty()
    await upgrade(settings)
    await execute(settings, update(GLANCE_VERSION).values(version_num="2023_1_contract01"))
    for refused in (check(settings), upgrade(settings)):
        with pytest.raises(SchemaUnfit, match=r"revision 2023_1_contract01.*glance-manage db sync"):
            await refused


async def test_a_database_of_something_else_is_left_alone(databases: Databases) -> None:
    """Other OpenStack services keep their version in a table of the same name."""
    settings = databases.empty()
    target = parse(settings.connection)
    if target.dialect == "sqlite":
        engine = create_engine(target.url)
        GLANCE_VERSION.create(engine)
        engine.dispose()
    else:
        servers = server_engine(target, settings)
        async with servers.begin() as connection:
            await connection.run_sync(GLANCE_VERSION.create)
        await servers.dispose()
    await execute(settings, insert(GLANCE_VERSION).values(version_num="keystone-27"))
    before = await inspected(settings)
    with pytest.raises(SchemaUnfit, match="keystone-27"):
        await upgrade(settings)
    assert await inspected(settings) == before


async def test_an_upgrade_that_was_cut_off_is_taken_up(databases: Databases) -> None:
    """Only MariaDB can be left so; the others undo."""
    settings = databases.empty()
    await upgrade(settings)
    whole = await inspected(settings)
    cut = Table("image_members", MetaData()), Table("intaglio_leases", MetaData()), Table("alembic_version", MetaData())
    await execute(settings, delete(OUR_VERSION), *(DropTable(table) for table in cut))
    assert await upgrade(settings) == Upgraded(before=None, after=HEAD, created=True)
    assert await inspected(settings) == whole
    await check(settings)


def test_the_known_revisions_are_the_scripts() -> None:
    scripts = ScriptDirectory(str(intaglio.db.migrations._SCRIPTS))
    assert scripts.get_current_head() == HEAD
    assert tuple(reversed([script.revision for script in scripts.walk_revisions()])) == KNOWN


async def test_our_tables_are_as_described(databases: Databases) -> None:
    settings = databases.empty()
    await upgrade(settings)
    found = await inspected(settings)
    for table in ADDED:
        assert set(found[table.name]["columns"]) == set(table.columns.keys())
        assert found[table.name]["primary"] == [column.name for column in table.primary_key]
        full_text = {"intaglio_image_search_words"}  # whose kind each database has for itself
        assert set(found[table.name]["indexes"]) - full_text == {index.name for index in table.indexes}
        nullable = {name for name, column in found[table.name]["columns"].items() if column[1]}
        assert nullable == {column.name for column in table.columns if column.nullable}
