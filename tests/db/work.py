"""How much a database has to look at for an answer: a number that is the same however busy the machine is."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sqlalchemy import text

from intaglio.db.base import Connection, Database

_PG_ROWS = "SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables"
_MY_ROWS = "SHOW SESSION STATUS LIKE 'Handler_read%'"
_STEPS_A_ROW = 20  # of SQLite's machine, about

STATISTICS = {
    "sqlite": ["ANALYZE"],
    "postgresql": ["ANALYZE"],
    "mysql": ["ANALYZE TABLE images, image_properties, image_tags, image_members, intaglio_image_search"],
}


async def rows_read(database: Database, ask: Callable[[Connection], Awaitable[Any]]) -> int:
    """The rows that were read for what `ask` asks: of tables and indexes, also those that nothing is made of.

    On SQLite, which counts none, the steps of its machine, twenty taken for a row.
    """
    return await database.read(lambda conn: _METERS[conn.dialect](conn, ask))


async def _in_sqlite(conn: Connection, ask: Callable[[Connection], Awaitable[Any]]) -> int:
    driver: Any = (await conn.execute(text("SELECT 1"))).connection.connection.driver_connection
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    driver.set_progress_handler(step, 10)
    await ask(conn)
    driver.set_progress_handler(None, 0)
    return steps * 10 // _STEPS_A_ROW


async def _in_postgresql(conn: Connection, ask: Callable[[Connection], Awaitable[Any]]) -> int:
    before = int((await conn.execute(text(_PG_ROWS))).scalar_one())
    await ask(conn)
    return int((await conn.execute(text(_PG_ROWS))).scalar_one()) - before


async def _in_mariadb(conn: Connection, ask: Callable[[Connection], Awaitable[Any]]) -> int:
    async def so_far() -> int:
        counters: Sequence[Any] = (await conn.execute(text(_MY_ROWS))).all()
        return sum(int(value) for _, value in counters)

    before = await so_far()
    for_asking = await so_far() - before
    before = await so_far()
    await ask(conn)
    return await so_far() - before - for_asking


_METERS = {"sqlite": _in_sqlite, "postgresql": _in_postgresql, "mysql": _in_mariadb}


async def gather_statistics(database: Database) -> None:
    async def work(conn: Connection) -> None:
        for statement in STATISTICS[conn.dialect]:
            await conn.execute(text(statement))

    await database.write(work)


async def no_statistics(database: Database) -> None:
    """Keep PostgreSQL from gathering them by itself, at a time of its own."""

    async def work(conn: Connection) -> None:
        if conn.dialect == "postgresql":
            for table in ("images", "image_properties", "image_tags", "image_members", "intaglio_image_search"):
                await conn.execute(text(f"ALTER TABLE {table} SET (autovacuum_enabled = off)"))

    await database.write(work)
