"""Transactions on each database: whole or not at all, run again when asked to, and plain words when it is gone."""

import asyncio
import contextlib
import sqlite3
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, text, update

from intaglio.base.errors import Unavailable
from intaglio.db.base import Connection, Database, DatabaseUnavailable, OutcomeUnknown, SchemaUnfit
from intaglio.db.engine import open_database, wait_until_ready
from intaglio.db.migrations import upgrade
from intaglio.db.settings import DatabaseSettings
from intaglio.db.tables.added import revisions
from tests.starters.databases import Databases, opened

pytestmark = pytest.mark.anyio


async def put(conn: Connection, *names: str) -> None:
    await conn.execute(insert(revisions), [{"image_id": name, "revision": 0} for name in names])


async def raise_(conn: Connection, name: str) -> None:
    await conn.execute(update(revisions).where(revisions.c.image_id == name).values(revision=revisions.c.revision + 1))


async def total(conn: Connection) -> int:
    """A hundred for each row, and the sum of what they hold."""
    held = (await conn.execute(select(func.sum(revisions.c.revision + 100)))).scalar()
    return int(held or 0)


async def test_an_exception_undoes_everything(database: Database) -> None:
    async def work(conn: Connection) -> None:
        await put(conn, "a")
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await database.write(work)
    assert await database.read(total) == 0
    await database.write(lambda conn: put(conn, "a"))
    assert await database.read(total) == 100


async def test_a_read_changes_nothing(database: Database, databases: Databases) -> None:
    async def work(conn: Connection) -> int:
        await put(conn, "a")
        return await total(conn)

    # MariaDB forgets it, the others forbid it
    with contextlib.nullcontext() if databases.kind == "mariadb" else pytest.raises(DatabaseUnavailable):
        await database.read(work)
    assert await database.read(total) == 0


async def test_writers_add_up(database: Database) -> None:
    await database.write(lambda conn: put(conn, "a"))
    await asyncio.gather(*(database.write(lambda conn: raise_(conn, "a")) for _ in range(30)))
    assert await database.read(total) == 130


async def test_a_deadlock_is_resolved(database: Database, databases: Databases) -> None:
    """Two transactions want each other's row; the one that the server ends is run again."""
    if databases.kind == "sqlite":
        return  # one writer at a time cannot meet another
    await database.write(lambda conn: put(conn, "a", "b"))
    both = asyncio.Barrier(2)
    runs = 0

    async def work(conn: Connection, first: str, second: str) -> None:
        nonlocal runs
        runs += 1
        await raise_(conn, first)
        if runs <= 2:
            await both.wait()
        await raise_(conn, second)

    await asyncio.gather(
        database.write(lambda conn: work(conn, "a", "b")), database.write(lambda conn: work(conn, "b", "a"))
    )
    assert runs == 3
    assert await database.read(total) == 204


async def test_check_tells_apart_what_is_wrong(databases: Databases) -> None:
    database = open_database(databases.empty())
    with pytest.raises(SchemaUnfit, match="intaglio db upgrade"):
        await database.check()
    await database.close()


async def test_a_killed_server_comes_back(databases: Databases) -> None:
    if databases.server is None:
        return  # SQLite is no server
    settings = await databases.ready()
    database = await opened(settings)
    await database.write(lambda conn: put(conn, "kept"))

    async def cut_off(conn: Connection) -> None:
        await put(conn, "lost")
        if databases.server is not None:
            databases.server.kill()
        await put(conn, "also lost")

    with pytest.raises(DatabaseUnavailable) as raised:
        await database.write(cut_off)
    for refused in (database.check(), database.read(total), database.write(lambda conn: put(conn, "b"))):
        with pytest.raises(Unavailable) as again:
            await refused
        assert "secret-word" not in f"{raised.value}{again.value}{again.value.__cause__}"
    with pytest.raises(DatabaseUnavailable):
        await wait_until_ready(database, settings)
    databases.server.start()
    assert await database.read(total) == 100
    await database.write(lambda conn: raise_(conn, "kept"))
    assert await database.read(total) == 101
    await database.close()


async def test_a_commit_without_an_answer_is_not_run_again(databases: Databases) -> None:
    if databases.server is None:
        return  # SQLite is no server
    database = await opened(await databases.ready())

    async def cut_off(conn: Connection) -> None:
        await put(conn, "who knows")
        if databases.server is not None:
            databases.server.kill()

    with pytest.raises(OutcomeUnknown):
        await database.write(cut_off)
    databases.server.start()
    assert await database.read(total) in {0, 100}
    await database.close()


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    await upgrade(DatabaseSettings(connection=f"sqlite:///{tmp_path}/a.sqlite"))
    return tmp_path / "a.sqlite"


async def test_sqlite_reads_go_on_while_another_process_writes(file: Path) -> None:
    database = await opened(DatabaseSettings(connection=f"sqlite:///{file}"))
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(database.write(lambda conn: put(conn, "a")))
    for _ in range(50):
        assert await database.read(total) == 0
        await asyncio.sleep(0)
    assert not waiting.done()
    other.execute("COMMIT")
    await waiting
    assert await database.read(total) == 100
    other.close()
    await database.close()


async def test_sqlite_commits_are_durable(file: Path) -> None:
    database = await opened(DatabaseSettings(connection=f"sqlite:///{file}"))

    async def pragmas(conn: Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        return [(await conn.execute(text(f"PRAGMA {name}"))).scalar() for name in names]

    assert await database.read(pragmas) == ["wal", 2, 0]
    await database.close()


async def test_sqlite_transactions_await_nothing_else(file: Path) -> None:
    database = await opened(DatabaseSettings(connection=f"sqlite:///{file}"))

    async def work(conn: Connection) -> None:
        await total(conn)
        await asyncio.sleep(0)

    for run in (database.read, database.write):
        with pytest.raises(RuntimeError, match="await nothing but"):
            await run(work)
    assert await database.read(total) == 0
    await database.close()


async def test_sqlite_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("this is no database, whatever its name says" * 50)
    for path in (tmp_path / "no" / "such" / "directory", tmp_path / "text"):
        database = open_database(DatabaseSettings(connection=f"sqlite:///{path}"))
        with pytest.raises(DatabaseUnavailable):
            await database.check()
        with pytest.raises(DatabaseUnavailable):
            await database.write(total)
        await database.close()


async def test_sqlite_starts_without_what_it_does_not_need(file: Path) -> None:
    script = (
        "import asyncio, sys\n"
        "from intaglio.db.engine import open_database\n"
        "from intaglio.db.repos import images, leases\n"
        "from intaglio.db.settings import DatabaseSettings\n"
        f"asyncio.run(open_database(DatabaseSettings(connection='sqlite:///{file}')).check())\n"
        "heavy = {'sqlalchemy.orm', 'sqlalchemy.ext.asyncio', 'alembic', 'asyncpg', 'aiomysql'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    running = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    out, _ = await running.communicate()
    assert out.strip() == b"[]"
