"""One upgrade at a time: each database's own lock that a dying process cannot leave behind."""

import importlib
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, text

from intaglio.db.base import DatabaseBusy
from intaglio.db.settings import DatabaseSettings
from intaglio.db.urls import Target

T = TypeVar("T")

_WAIT_SECONDS = 60  # for another process's upgrade
_LOCK_SECONDS = 10  # for a table that requests are using
_STATEMENT_SECONDS = 3600  # an index over a large table takes its time
_PG_KEY = 0x696E7461676C696F  # "intaglio"


def wait_for_others(connection: Connection) -> None:
    """Wait for other upgrades of the same database, and keep them waiting until this one is committed or undone.

    On SQLite the caller's BEGIN IMMEDIATE is the lock. PostgreSQL's ends with the transaction; MariaDB's ends with the
    session, for one given back before the commit would let the next upgrade look too early. Raises `DatabaseBusy`.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{_WAIT_SECONDS}s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _PG_KEY})
        connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'"))
    elif connection.dialect.name == "mysql":
        name = {"name": f"intaglio-upgrade-{connection.engine.url.database}"[:64], "wait": _WAIT_SECONDS}
        if connection.execute(text("SELECT GET_LOCK(:name, :wait)"), name).scalar() != 1:
            raise DatabaseBusy(f"Another upgrade of this database has been running for over {_WAIT_SECONDS} seconds.")


async def on_server(target: Target, settings: DatabaseSettings, apply: Callable[[Connection], T]) -> T:
    """Run `apply` in one transaction and one session of a database server."""
    servers = importlib.import_module("intaglio.db.servers")  # by name for the reason given in intaglio.db.engine
    engine = servers.server_engine(target, settings, lock=_LOCK_SECONDS, statement=_STATEMENT_SECONDS)
    try:
        async with engine.begin() as connection:
            result: T = await connection.run_sync(apply)
            return result
    finally:
        await engine.dispose()
