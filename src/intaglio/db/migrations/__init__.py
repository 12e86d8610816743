"""Bringing a database to this release's schema: Glance's tables where there are none, then ours beside them.

Run by one process at a time, however many start at once; running it again changes nothing. On SQLite and PostgreSQL a
failed upgrade leaves no trace; on MariaDB, where each table is made for good at once, the next run takes up where it
ended.
"""

from pathlib import Path
from typing import Any

import msgspec
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Table, func, insert, inspect, select
from sqlalchemy.exc import DBAPIError

from intaglio.db.base import SchemaUnfit
from intaglio.db.engine import open_database
from intaglio.db.failures import translated
from intaglio.db.migrations.locks import on_server, wait_for_others
from intaglio.db.schema import GLANCE_HEAD, GLANCE_VERSION, HEAD, OUR_VERSION, require_glance, require_ours
from intaglio.db.settings import DatabaseSettings
from intaglio.db.sqlite import sqlite_engine
from intaglio.db.tables import GLANCE, METADATA
from intaglio.db.urls import Target, parse

_SCRIPTS = Path(__file__).parent


class Upgraded(msgspec.Struct, frozen=True):
    """What an upgrade did. `before` is None for a database that held none of our tables."""

    before: str | None
    after: str
    created: bool  # Glance's tables were made, for the database was empty

    @property
    def changed(self) -> bool:
        """Whether there was anything to do."""
        return self.created or self.before != self.after


class SchemaState(msgspec.Struct, frozen=True):
    """Where a database stands. `problem` says what is wrong and what to do, or is None."""

    needed: str
    problem: str | None


async def upgrade(settings: DatabaseSettings) -> Upgraded:
    """Bring the database to this release. Raises `SchemaUnfit`, `DatabaseUnavailable`, `DatabaseBusy`.

    Blocks the event loop on SQLite: it is meant for a command or for the time before serving.
    """
    target = parse(settings.connection)
    try:
        if target.dialect == "sqlite":
            return _on_sqlite(target)
        return await on_server(target, settings, _apply)
    except (DBAPIError, OSError) as error:
        shown = translated(error)
        if shown is None:
            raise
        raise shown from error


async def status(settings: DatabaseSettings) -> SchemaState:
    """Where the database stands, without changing it. Raises `DatabaseUnavailable`, `DatabaseBusy`."""
    try:
        await check(settings)
    except SchemaUnfit as unfit:
        return SchemaState(HEAD, str(unfit))
    return SchemaState(HEAD, None)


async def check(settings: DatabaseSettings) -> None:
    """Return when the database is ready for this release.

    Raises `SchemaUnfit`, `DatabaseUnavailable`, `DatabaseBusy`.
    """
    database = open_database(settings)
    try:
        await database.check()
    finally:
        await database.close()


def _on_sqlite(target: Target) -> Upgraded:
    engine = sqlite_engine(str(target.url.database), lock_seconds=60)
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            done = _apply(connection)
            connection.exec_driver_sql("COMMIT")
        except BaseException:
            connection.exec_driver_sql("ROLLBACK")
            raise
        return done


def _apply(connection: Connection) -> Upgraded:
    wait_for_others(connection)
    present = set(inspect(connection).get_table_names())
    before = _versions(connection, OUR_VERSION, present)
    # Our version table without a version: an upgrade of an empty MariaDB database was cut off.
    created = _is_empty(present) or before == ()
    if not created:
        require_glance(_versions(connection, GLANCE_VERSION, present) or ())
    if before not in (None, (), (HEAD,)):
        _refuse_unknown(before or ())
    OUR_VERSION.create(connection, checkfirst=True)
    if created:
        _create_glance(connection)
    if before != (HEAD,):
        _migrate(connection)
    return Upgraded(before=before[0] if before else None, after=HEAD, created=created)


def _is_empty(present: set[str]) -> bool:
    return not present & {GLANCE_VERSION.name, *(table.name for table in GLANCE)}


def _versions(connection: Connection, table: Table, present: set[str]) -> tuple[str, ...] | None:
    if table.name not in present:
        return None
    return tuple(connection.execute(select(table.c.version_num)).scalars())


def _refuse_unknown(found: tuple[str, ...]) -> None:
    try:
        require_ours(found)
    except SchemaUnfit as unfit:
        if "newer release" in str(unfit):
            raise


def _create_glance(connection: Connection) -> None:
    """Glance's tables, marked as Glance's own migrations mark them, so that Glance can be started on them."""
    METADATA.create_all(connection, tables=list(GLANCE), checkfirst=True)
    GLANCE_VERSION.create(connection, checkfirst=True)
    if connection.execute(select(func.count()).select_from(GLANCE_VERSION)).scalar_one() == 0:
        connection.execute(insert(GLANCE_VERSION).values(version_num=GLANCE_HEAD))


def _migrate(connection: Connection) -> None:
    scripts = ScriptDirectory(str(_SCRIPTS))

    def steps(revision: Any, _context: MigrationContext) -> Any:
        return scripts._upgrade_revs(HEAD, revision)  # noqa: SLF001 - what alembic's own `upgrade` command calls

    context = MigrationContext.configure(connection, opts={"version_table": OUR_VERSION.name, "fn": steps})
    with Operations.context(context):
        context.run_migrations()
