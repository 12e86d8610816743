"""Connections and transactions on SQLite, PostgreSQL and MariaDB behind two methods.

A transaction is a function: it cannot be held open while bytes stream, and it can be run again when the
database asks for that (deadlock, serialisation failure, Galera certification).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from sqlalchemy import CursorResult, Executable

T = TypeVar("T")


class Connection(Protocol):
    """What a repository is given: SQLAlchemy Core statements, awaited, on any of the databases."""

    @property
    def dialect(self) -> str:
        """`sqlite`, `postgresql` or `mysql`."""
        ...

    async def execute(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> CursorResult[Any]: ...


Work = Callable[[Connection], Awaitable[T]]


class Database(Protocol):
    """One database. `read` sees one consistent snapshot; `write` commits durably before it returns."""

    async def read(self, work: Work[T]) -> T: ...

    async def write(self, work: Work[T]) -> T:
        """Run `work` in a transaction; it may run more than once, so it must do nothing but SQL."""
        ...

    async def check(self) -> None:
        """Raise `Unavailable` unless the database answers now with the schema this release needs."""
        ...

    async def close(self) -> None: ...
