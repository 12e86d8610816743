"""Opening the database that the settings name."""

import asyncio
import importlib
from itertools import count
from typing import cast

from intaglio.db.base import Connection, Database, DatabaseBusy, DatabaseUnavailable, Work
from intaglio.db.location_urls import PLAIN, LocationUrls
from intaglio.db.settings import DatabaseSettings
from intaglio.db.sqlite import SqliteDatabase
from intaglio.db.urls import parse

__all__ = ["Connection", "Database", "Work", "open_database", "wait_until_ready"]


def open_database(settings: DatabaseSettings) -> Database:
    """The database of `settings.connection`; it connects when first used. Raises `ConnectionRefused`."""
    target = parse(settings.connection)
    if target.dialect == "sqlite":
        return SqliteDatabase(target, _urls(settings))
    # By name, because importing SQLAlchemy's asyncio half costs a third of a second that SQLite does not need.
    servers = importlib.import_module("intaglio.db.servers")
    return cast("Database", servers.ServerDatabase(target, settings, _urls(settings)))


def _urls(settings: DatabaseSettings) -> LocationUrls:
    if not settings.metadata_encryption_key:
        return PLAIN
    # By name, because importing what enciphers takes a while that databases without a key do not need.
    found = importlib.import_module("intaglio.db.enciphered_urls")
    return cast("LocationUrls", found.EncipheredUrls(settings.metadata_encryption_key))


async def wait_until_ready(database: Database, settings: DatabaseSettings) -> None:
    """Return once the database answers with the right schema, trying `max_retries` times a second apart.

    Raises `DatabaseUnavailable` or `DatabaseBusy` when it still does not; `SchemaUnfit` at once.
    """
    for attempt in count(1):
        try:
            await database.check()
        except (DatabaseUnavailable, DatabaseBusy):
            if 0 <= settings.max_retries < attempt:
                raise
            await asyncio.sleep(1)
        else:
            return
