"""SQLite without a thread hop for reads: they run on the event loop, in the caller's own coroutine.

A small select costs some fifty microseconds, a hop to a thread several times that. Commits do wait (for fsync and for
other processes), so every write transaction runs whole in one thread of its own. See docs/adr/0005.
"""

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from itertools import count
from typing import Any, cast

from sqlalchemy import Connection as SyncConnection
from sqlalchemy import CursorResult, Engine, Executable, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from intaglio.db.base import Parameters, T, Work
from intaglio.db.failures import Meaning, give_up_unless_worth_trying, meaning, pause
from intaglio.db.location_urls import PLAIN, LocationUrls
from intaglio.db.schema import require_schema
from intaglio.db.urls import Target

# A reader meets a lock only while another process recovers the log: it must not hold up the event loop for that.
_READ_LOCK_SECONDS = 0.05
_WRITE_LOCK_SECONDS = 10.0
_READ, _WRITE = "BEGIN", "BEGIN IMMEDIATE"


class _Inline:
    """SQLAlchemy's blocking connection in the shape of an awaited one; `execute` never suspends."""

    dialect = "sqlite"

    def __init__(self, connection: SyncConnection, urls: LocationUrls) -> None:
        self._connection = connection
        self.urls = urls

    async def execute(self, statement: Executable, parameters: Parameters | None = None) -> CursorResult[Any]:
        return self._connection.execute(statement, parameters)


def sqlite_engine(path: str, lock_seconds: float) -> Engine:
    """An engine whose connections commit durably and leave BEGIN and COMMIT to the caller."""

    def connect() -> sqlite3.Connection:
        # Reads stay in the event loop's thread and writes in theirs; only close() crosses.
        raw = sqlite3.connect(path, timeout=lock_seconds, isolation_level=None, check_same_thread=False)
        try:
            # Foreign keys stay unchecked, as Glance leaves them: databases exist that would not pass.
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-65536", "mmap_size=268435456"):
                raw.execute(f"PRAGMA {pragma}")
        except BaseException:
            raw.close()
            raise
        return raw

    return create_engine(
        "sqlite://", creator=connect, poolclass=NullPool, isolation_level="AUTOCOMMIT", hide_parameters=True
    )


class _Session:
    """One lasting connection, opened when first needed; used by one thread at a time."""

    def __init__(self, path: str, lock_seconds: float, begin: str, urls: LocationUrls) -> None:
        self._urls = urls
        self._engine = sqlite_engine(path, lock_seconds)
        self._begin = begin
        self._connection: SyncConnection | None = None

    @contextmanager
    def transaction(self) -> Iterator[_Inline]:
        if self._connection is None:
            self._connection = self._engine.connect()
            self._raw = cast("sqlite3.Connection", self._connection.connection.driver_connection)
            self._raw.execute(f"PRAGMA query_only={int(self._begin == _READ)}")
        raw = self._raw
        raw.execute(self._begin)
        try:
            yield _Inline(self._connection, self._urls)
            raw.execute("COMMIT")
        except BaseException:
            if raw.in_transaction:
                raw.execute("ROLLBACK")
            raise

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _run(session: _Session, work: Work[T]) -> T:
    try:
        with session.transaction() as connection:
            return _finish(work, connection)
    except (DBAPIError, sqlite3.Error) as error:
        if meaning(error) is Meaning.GONE:
            session.close()  # the next attempt opens the file anew
        raise


def _patiently(session: _Session, work: Work[T]) -> T:
    """Run a transaction in the session's own thread, again when that helps."""
    for attempt in count(1):
        try:
            return _run(session, work)
        except (DBAPIError, sqlite3.Error) as error:
            give_up_unless_worth_trying(error, attempt)
        time.sleep(pause(attempt))
    raise AssertionError


def _finish(work: Work[T], connection: _Inline) -> T:
    """Run a transaction's coroutine to its end at once; nothing in it ever has to wait."""
    steps = work(connection).__await__()
    try:
        next(steps)
    except StopIteration as done:
        result: T = done.value
        return result
    raise RuntimeError("a transaction may await nothing but its connection")


class SqliteDatabase:
    """One file, written by any number of processes, one at a time."""

    def __init__(self, target: Target, urls: LocationUrls = PLAIN) -> None:
        self._reader = _Session(str(target.url.database), _READ_LOCK_SECONDS, _READ, urls)
        self._writer = _Session(str(target.url.database), _WRITE_LOCK_SECONDS, _WRITE, urls)
        self._surveyor = _Session(str(target.url.database), _READ_LOCK_SECONDS, _READ, urls)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="intaglio-db")
        self._survey_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="intaglio-db-survey")

    async def read(self, work: Work[T]) -> T:
        for attempt in count(1):
            try:
                return _run(self._reader, work)
            except (DBAPIError, sqlite3.Error) as error:
                give_up_unless_worth_trying(error, attempt)
            await asyncio.sleep(pause(attempt))
        raise AssertionError

    async def survey(self, work: Work[T]) -> T:
        return await self._in_thread(self._survey_thread, self._surveyor, work)

    async def write(self, work: Work[T]) -> T:
        return await self._in_thread(self._thread, self._writer, work)

    async def _in_thread(self, thread: ThreadPoolExecutor, session: _Session, work: Work[T]) -> T:
        context = copy_context()  # so that what `work` logs carries the request id
        return await asyncio.get_running_loop().run_in_executor(thread, context.run, _patiently, session, work)

    async def check(self) -> None:
        await self.read(require_schema)

    async def close(self) -> None:
        await asyncio.to_thread(self._thread.shutdown)
        await asyncio.to_thread(self._survey_thread.shutdown)
        self._surveyor.close()
        self._reader.close()
        self._writer.close()
