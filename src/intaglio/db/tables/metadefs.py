"""The catalogue of metadata definitions. Glance's tables, unchanged."""

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Text, UniqueConstraint

from intaglio.db.tables.metadata import flag, table, times

namespaces = table(
    "metadef_namespaces",
    Column("id", Integer(), primary_key=True),
    Column("namespace", String(80), nullable=False),
    Column("display_name", String(80)),
    Column("description", Text()),
    Column("visibility", String(32)),
    flag("protected"),
    Column("owner", String(255), nullable=False),
    *times(),
    UniqueConstraint("namespace", name="uq_metadef_namespaces_namespace"),
    Index("ix_metadef_namespaces_owner", "owner"),
)

resource_types = table(
    "metadef_resource_types",
    Column("id", Integer(), primary_key=True),
    Column("name", String(80), nullable=False),
    flag("protected", nullable=False),
    *times(),
    UniqueConstraint("name", name="uq_metadef_resource_types_name"),
)

namespace_resource_types = table(
    "metadef_namespace_resource_types",
    Column(
        "resource_type_id", Integer(), ForeignKey("metadef_resource_types.id"), primary_key=True, autoincrement=False
    ),
    Column("namespace_id", Integer(), ForeignKey("metadef_namespaces.id"), primary_key=True, autoincrement=False),
    Column("properties_target", String(80)),
    Column("prefix", String(80)),
    *times(),
    Index("ix_metadef_ns_res_types_namespace_id", "namespace_id"),
)

objects = table(
    "metadef_objects",
    Column("id", Integer(), primary_key=True),
    Column("namespace_id", Integer(), ForeignKey("metadef_namespaces.id"), nullable=False),
    Column("name", String(80), nullable=False),
    Column("description", Text()),
    Column("required", Text()),
    Column("json_schema", Text(), nullable=False),
    *times(),
    UniqueConstraint("namespace_id", "name", name="uq_metadef_objects_namespace_id_name"),
    Index("ix_metadef_objects_name", "name"),
)

properties = table(
    "metadef_properties",
    Column("id", Integer(), primary_key=True),
    Column("namespace_id", Integer(), ForeignKey("metadef_namespaces.id"), nullable=False),
    Column("name", String(80), nullable=False),
    Column("json_schema", Text(), nullable=False),
    *times(),
    UniqueConstraint("namespace_id", "name", name="uq_metadef_properties_namespace_id_name"),
    Index("ix_metadef_properties_name", "name"),
)

tags = table(
    "metadef_tags",
    Column("id", Integer(), primary_key=True),
    Column("namespace_id", Integer(), ForeignKey("metadef_namespaces.id"), nullable=False),
    Column("name", String(80), nullable=False),
    *times(),
    UniqueConstraint("namespace_id", "name", name="uq_metadef_tags_namespace_id_name"),
    Index("ix_metadef_tags_name", "name"),
)
