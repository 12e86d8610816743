"""STAND-IN until the real one lands: makes no tables."""

from intaglio.db.settings import DatabaseSettings


def upgrade(settings: DatabaseSettings) -> None:
    """Bring the database to the schema of this release."""


def check(settings: DatabaseSettings) -> None:
    """Raise unless the database has the schema of this release."""
