"""Where the journal of durable work is: with the metadata where they can hold it, or where the operator says."""

from pathlib import Path

from intaglio.bootstrap.problems import Level
from intaglio.bootstrap.reading import Reading
from intaglio.flows.settings import FlowSettings

_SQLITE, _POSTGRESQL = "sqlite", "postgresql"


def flow_settings(reading: Reading, connection: str, data_dir: Path) -> FlowSettings:
    """The journal's URL in the form its library takes. `connection` is that of the metadata."""
    concurrency = reading.get("intaglio", "imports_at_once")
    given: str | None = reading.get("intaglio", "journal")
    if given:
        if _kind(given) not in {_SQLITE, _POSTGRESQL}:
            message = (
                "The journal is kept in SQLite or PostgreSQL: sqlite:////file or postgresql://user:password@host/name."
            )
            reading.complain("intaglio", "journal", message)
        return FlowSettings(journal=_url(given), concurrency=concurrency)
    own_file = f"sqlite:///{data_dir / 'journal.sqlite'}"
    if _kind(connection) == _POSTGRESQL:
        return FlowSettings(journal=_url(connection), concurrency=concurrency)
    if _kind(connection) not in {_SQLITE, _POSTGRESQL}:
        message = (
            "The database cannot hold the journal of durable work; it is a file in data_dir, so only one worker may"
            " run. Workers on several machines need journal = postgresql://… ."
        )
        reading.complain("intaglio", "journal", message, code="journal-local", level=Level.WARNING)
    return FlowSettings(journal=own_file, concurrency=concurrency)


def _kind(url: str) -> str:
    scheme = url.partition(":")[0].partition("+")[0]
    return _POSTGRESQL if scheme == "postgres" else scheme


def _url(url: str) -> str:
    """Without the driver: the journal has its own."""
    return _kind(url) + ":" + url.partition(":")[2]
