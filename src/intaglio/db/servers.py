"""PostgreSQL through asyncpg and MariaDB through aiomysql, on SQLAlchemy's asynchronous engine.

Apart from `intaglio.db.sqlite` so that a service on SQLite never spends the start-up time of importing this.
"""

import asyncio
from itertools import count
from typing import Any

from sqlalchemy import CursorResult, Executable
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from intaglio.db.base import OutcomeUnknown, Parameters, T, Work
from intaglio.db.failures import Meaning, described, give_up_unless_worth_trying, meaning, pause
from intaglio.db.location_urls import PLAIN, LocationUrls
from intaglio.db.schema import require_schema
from intaglio.db.settings import DatabaseSettings
from intaglio.db.urls import Target

_CONNECT_SECONDS = 10
LOCK_SECONDS = 10
STATEMENT_SECONDS = 60

_FAILURES = (DBAPIError, PoolTimeout, OSError)


def session_arguments(dialect: str, *, lock: int = LOCK_SECONDS, statement: int = STATEMENT_SECONDS) -> dict[str, Any]:
    """What a driver is told for every connection: time-outs, and on MariaDB strictness and room for aggregates."""
    if dialect == "postgresql":
        limits = {"lock_timeout": f"{lock * 1000}", "statement_timeout": f"{statement * 1000}"}
        # jit costs more than any query here saves by it. Every query here has an index; but without statistics, or for
        # a value that they do not know, the planner hopes to find what a LIMIT wants at the beginning of a table.
        planning = {"jit": "off", "enable_seqscan": "off"}
        return {"timeout": _CONNECT_SECONDS, "server_settings": {**limits, **planning}}
    command = (
        f"SET SESSION innodb_lock_wait_timeout={lock}, sql_mode=TRADITIONAL, group_concat_max_len=67108864"
        f" /*M! , max_statement_time={statement} */"
    )
    return {"connect_timeout": _CONNECT_SECONDS, "init_command": command}


def server_engine(target: Target, settings: DatabaseSettings, **session: int) -> AsyncEngine:
    """The engine for a database server. Nothing is connected yet."""
    return create_async_engine(
        target.url,
        connect_args={**session_arguments(target.dialect, **session), **target.connect_args},
        pool_size=settings.max_pool_size,
        max_overflow=settings.max_overflow,
        pool_recycle=settings.connection_recycle_time,
        pool_timeout=30,
        isolation_level="READ COMMITTED" if target.dialect == "postgresql" else "REPEATABLE READ",
        hide_parameters=True,
    )


class _Awaited:
    """SQLAlchemy's asynchronous connection, narrowed to what repositories use."""

    def __init__(self, connection: AsyncConnection, dialect: str, urls: LocationUrls) -> None:
        self._connection = connection
        self.dialect = dialect
        self.urls = urls

    async def execute(self, statement: Executable, parameters: Parameters | None = None) -> CursorResult[Any]:
        return await self._connection.execute(statement, parameters)


class ServerDatabase:
    """A pool of connections to one server, or to a cluster behind one address."""

    def __init__(self, target: Target, settings: DatabaseSettings, urls: LocationUrls = PLAIN) -> None:
        self._urls = urls
        self._dialect = target.dialect
        self._engine = server_engine(target, settings)
        # Reads see one snapshot. MariaDB's default level does that for writes as well; PostgreSQL's writes are better
        # off waiting for a rival and looking again than being refused, for they all compare before they set.
        snapshot: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._snapshots = self._engine.execution_options(**snapshot) if self._dialect == "postgresql" else self._engine

    async def read(self, work: Work[T]) -> T:
        for attempt in count(1):
            try:
                async with self._snapshots.connect() as connection:
                    return await work(_Awaited(connection, self._dialect, self._urls))
            except _FAILURES as error:
                give_up_unless_worth_trying(error, attempt)
            await asyncio.sleep(pause(attempt))
        raise AssertionError

    async def survey(self, work: Work[T]) -> T:
        return await self.read(work)

    async def write(self, work: Work[T]) -> T:
        for attempt in count(1):
            try:
                return await self._write(work)
            except _FAILURES as error:
                give_up_unless_worth_trying(error, attempt)
            await asyncio.sleep(pause(attempt))
        raise AssertionError

    async def _write(self, work: Work[T]) -> T:
        async with self._engine.connect() as connection:
            result = await work(_Awaited(connection, self._dialect, self._urls))
            try:
                await connection.commit()
            except _FAILURES as error:
                if meaning(error) is not Meaning.GONE:
                    raise
                text = f"The database was lost during a commit ({described(error)}); whether it happened is unknown."
                raise OutcomeUnknown(text) from error
            return result

    async def check(self) -> None:
        await self.read(require_schema)

    async def close(self) -> None:
        await self._engine.dispose()
