"""Every table of the database: Glance's, as the takeover finds them, and the ones this service adds (`intaglio_…`).

Importing this package completes `GLANCE` and `ADDED`, the two collections that migrations and checks work on.
"""

from intaglio.db.tables import added, cache, images, metadefs, tasks, usage
from intaglio.db.tables.metadata import METADATA

ADDED = tuple(table for table in METADATA.sorted_tables if table.name.startswith("intaglio_"))
GLANCE = tuple(table for table in METADATA.sorted_tables if not table.name.startswith("intaglio_"))

__all__ = ["ADDED", "GLANCE", "METADATA", "added", "cache", "images", "metadefs", "tasks", "usage"]
