"""Images and the rows that hang on them: properties, tags, members, locations. Glance's tables, unchanged."""

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Enum,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
)

from intaglio.db.tables.metadata import BIG, METADATA, soft_deletion, table, text_key

VISIBILITY = Enum("private", "public", "shared", "community", name="image_visibility", metadata=METADATA)

images = table(
    "images",
    Column("id", String(36), primary_key=True),
    Column("name", String(255)),
    Column("size", BIG),
    Column("status", String(30), nullable=False),
    Column("created_at", DateTime(), nullable=False),
    Column("updated_at", DateTime()),
    Column("deleted_at", DateTime()),
    Column("deleted", Boolean(), nullable=False),
    Column("disk_format", String(20)),
    Column("container_format", String(20)),
    Column("checksum", String(32)),
    Column("owner", String(255)),
    Column("min_disk", Integer(), nullable=False),
    Column("min_ram", Integer(), nullable=False),
    Column("protected", Boolean(), nullable=False, server_default=false()),
    Column("virtual_size", BIG),
    Column("visibility", VISIBILITY, nullable=False, server_default=text("'shared'")),
    Column("os_hidden", Boolean(), nullable=False, server_default=false()),
    Column("os_hash_algo", String(64)),
    Column("os_hash_value", String(128)),
    Index("checksum_image_idx", "checksum"),
    Index("created_at_image_idx", "created_at"),
    Index("ix_images_deleted", "deleted"),
    Index("os_hash_value_image_idx", "os_hash_value"),
    Index("os_hidden_image_idx", "os_hidden"),
    Index("owner_image_idx", "owner"),
    Index("updated_at_image_idx", "updated_at"),
    Index("visibility_image_idx", "visibility"),
)

properties = table(
    "image_properties",
    Column("id", Integer(), primary_key=True),
    text_key("image_id", ForeignKey("images.id")),
    Column("name", String(255), nullable=False),
    Column("value", Text()),
    *soft_deletion(),
    UniqueConstraint("image_id", "name", name="ix_image_properties_image_id_name"),
    Index("ix_image_properties_deleted", "deleted"),
    Index("ix_image_properties_image_id", "image_id"),
)

tags = table(
    "image_tags",
    Column("id", Integer(), primary_key=True),
    text_key("image_id", ForeignKey("images.id")),
    Column("value", String(255), nullable=False),
    *soft_deletion(),
    Index("ix_image_tags_image_id", "image_id"),
    Index("ix_image_tags_image_id_tag_value", "image_id", "value"),
)

members = table(
    "image_members",
    Column("id", Integer(), primary_key=True),
    text_key("image_id", ForeignKey("images.id")),
    Column("member", String(255), nullable=False),
    Column("can_share", Boolean(create_constraint=True), nullable=False),
    *soft_deletion(),
    Column("status", String(20), nullable=False, server_default="pending"),
    UniqueConstraint("image_id", "member", "deleted_at", name="image_members_image_id_member_deleted_at_key"),
    Index("ix_image_members_deleted", "deleted"),
    Index("ix_image_members_image_id", "image_id"),
    Index("ix_image_members_image_id_member", "image_id", "member"),
)

locations = table(
    "image_locations",
    Column("id", Integer(), primary_key=True),
    text_key("image_id", ForeignKey("images.id")),
    Column("value", Text(), nullable=False),
    *soft_deletion(),
    Column("meta_data", Text()),
    Column("status", String(30), nullable=False, server_default="active"),
    Index("ix_image_locations_deleted", "deleted"),
    Index("ix_image_locations_image_id", "image_id"),
)
