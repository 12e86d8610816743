"""The schema, for commands: the database is brought to this release, or looked at, outside any event loop."""

import asyncio

from intaglio.db import migrations
from intaglio.db.migrations import Upgraded
from intaglio.db.settings import DatabaseSettings


def upgrade(settings: DatabaseSettings) -> Upgraded:
    """As `migrations.upgrade`."""
    return asyncio.run(migrations.upgrade(settings))


def check(settings: DatabaseSettings) -> None:
    """As `migrations.check`."""
    asyncio.run(migrations.check(settings))
