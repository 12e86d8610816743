"""What the rest of the service knows of the database: a connection, a transaction as a function, and the errors.

A transaction is a function: it cannot be held open while bytes stream, and it can be run again when the
database asks for that (deadlock, serialisation failure, Galera certification).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from sqlalchemy import CursorResult, Executable

from intaglio.base.errors import Conflict, Invalid, Unavailable
from intaglio.db.location_urls import LocationUrls

T = TypeVar("T")

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class DatabaseUnavailable(Unavailable):
    """The database does not answer. Nothing was changed."""

    code = "database-unavailable"


class DatabaseBusy(Unavailable):
    """Other transactions kept this one from ending, however often it was tried. Nothing was changed."""

    code = "database-busy"


class OutcomeUnknown(Unavailable):
    """The connection was lost while a transaction was being committed: it may have happened or not."""

    code = "database-outcome-unknown"


class SchemaUnfit(Unavailable):
    """The database answers, but its tables are not those this release works with; the text says what to do."""

    code = "database-schema-unfit"


class ValueNotStorable(Invalid):
    """A value cannot be held by the database: too long, or with a character its tables cannot store."""

    code = "value-not-storable"


class WriteRefused(Conflict):
    """A constraint of the database forbids the change: another one was there first."""

    code = "write-refused"


class ConnectionRefused(Invalid):
    """The option `[database] connection` cannot be used as it stands; the text never shows its password."""

    code = "database-connection-invalid"


class Connection(Protocol):
    """What a repository is given: SQLAlchemy Core statements, awaited, on any of the databases."""

    @property
    def dialect(self) -> str:
        """`sqlite`, `postgresql` or `mysql`."""
        ...

    @property
    def urls(self) -> LocationUrls:
        """How it writes the URLs of locations."""
        ...

    async def execute(self, statement: Executable, parameters: Parameters | None = None) -> CursorResult[Any]: ...


Work = Callable[[Connection], Awaitable[T]]


class Database(Protocol):
    """One database. `read` sees one consistent snapshot; `write` commits durably before it returns."""

    async def read(self, work: Work[T]) -> T:
        """Run `work`, which only reads and awaits nothing but its connection; it may run more than once.

        Raises `DatabaseUnavailable`, `DatabaseBusy`, or what `work` raises.
        """
        ...

    async def survey(self, work: Work[T]) -> T:
        """As `read`, for what takes long because it looks at a lot: nobody else waits for it meanwhile."""
        ...

    async def write(self, work: Work[T]) -> T:
        """Run `work` in a transaction; it may run more than once, so it must do nothing but SQL.

        An exception out of `work` undoes everything and is passed on. A caller that is cancelled does not know
        whether the transaction happened, only that it happened wholly or not at all. Raises `DatabaseUnavailable`,
        `DatabaseBusy`, `OutcomeUnknown`, `ValueNotStorable`, `WriteRefused`.
        """
        ...

    async def check(self) -> None:
        """Raise `Unavailable` unless the database answers now with the schema this release needs."""
        ...

    async def close(self) -> None:
        """Release connections and threads. The database is not used afterwards."""
        ...
