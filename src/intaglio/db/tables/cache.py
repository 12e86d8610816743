"""Which node holds which image in its cache. Glance's tables, unchanged."""

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Integer, String, UniqueConstraint

from intaglio.db.tables.metadata import BIG, table, text_key

node_reference = table(
    "node_reference",
    Column("node_reference_id", BIG, primary_key=True),
    Column("node_reference_url", String(255), nullable=False),
    UniqueConstraint("node_reference_url", name="uq_node_reference_node_reference_url"),
)

cached_images = table(
    "cached_images",
    Column("id", BIG, primary_key=True),
    text_key("image_id"),
    Column("last_accessed", DateTime(), nullable=False),
    Column("last_modified", DateTime(), nullable=False),
    Column("size", BigInteger(), nullable=False),
    Column("hits", Integer(), nullable=False),
    Column("checksum", String(32)),
    Column("node_reference_id", BIG, ForeignKey("node_reference.node_reference_id"), nullable=False),
    UniqueConstraint("image_id", "node_reference_id", name="ix_cached_images_image_id_node_reference_id"),
)
