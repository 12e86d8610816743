"""What a service that runs from nothing is given at its first start: the definitions that come with it."""

import asyncio
import logging

from intaglio.bootstrap.settings import Settings
from intaglio.db.engine import open_database
from intaglio.domain.metadefs.changes import Mode
from intaglio.services import metadef_files

_log = logging.getLogger(__name__)


def is_embedded(settings: Settings) -> bool:
    """Whether the database is the file in the data directory: no operator chose it."""
    return settings.database.connection.startswith(f"sqlite:///{settings.serve.data_dir / 'intaglio.sqlite'}")


def fill(settings: Settings) -> None:
    """Load the definitions that come with the service; one transaction."""

    async def main() -> None:
        database = open_database(settings.database)
        try:
            report = await metadef_files.load(database, metadef_files.shipped(), Mode.SKIP)
        finally:
            await database.close()
        _log.info("loaded %d namespaces of metadata definitions", len(report))

    asyncio.run(main())
