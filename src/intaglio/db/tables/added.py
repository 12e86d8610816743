"""What this service keeps beside Glance's tables.

Nothing here refers to Glance's rows by a foreign key: `glance-manage db purge` must be able to remove them.
"""

from sqlalchemy import BigInteger, Column, Index, String, Text
from sqlalchemy.dialects.mysql import DATETIME
from sqlalchemy.types import DateTime

from intaglio.db.tables.metadata import table

# MariaDB's plain DATETIME has whole seconds.
PRECISE = DateTime().with_variant(DATETIME(fsp=6), "mysql")

revisions = table(
    "intaglio_image_revisions",
    Column("image_id", String(36), primary_key=True),
    Column("revision", BigInteger(), nullable=False),
)

leases = table(
    "intaglio_leases",
    Column("image_id", String(36), primary_key=True),
    Column("kind", String(20), primary_key=True),
    Column("holder", String(255), nullable=False),
    Column("store_id", String(255), nullable=False),
    Column("key", Text(), nullable=False),
    Column("expires_at", PRECISE, nullable=False),
    Column("created_at", PRECISE, nullable=False),
    Index("intaglio_leases_expires_at", "expires_at"),
)
