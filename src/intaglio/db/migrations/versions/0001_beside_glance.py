"""Our first tables beside Glance's, and the indexes on Glance's tables that paging walks along.

Glance ignores both. Index names begin with `intaglio_`; docs/adr/0004 says what each is for.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import DATETIME

revision = "0001"
down_revision = None

_PRECISE = sa.DateTime().with_variant(DATETIME(fsp=6), "mysql")
_MYSQL: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8"}

_SORTS = {"created": "created_at", "updated": "updated_at", "name": "name"}
_GROUPS = {"visibility": "visibility", "owner": "owner"}


def upgrade() -> None:
    present = set(sa.inspect(op.get_bind()).get_table_names())
    if "intaglio_image_revisions" not in present:
        _create_revisions()
    if "intaglio_leases" not in present:
        _create_leases()
    for group, column in _GROUPS.items():
        for sort, key in _SORTS.items():
            keys = [_sort_key(key), "id"] if key == "created_at" else [_sort_key(key), _sort_key("created_at"), "id"]
            _index(f"intaglio_images_{group}_{sort}", "images", ["deleted", "os_hidden", column, *keys])
    for column in ("name", "status"):
        _index(f"intaglio_images_{column}", "images", [column])
    _index("intaglio_image_tags_value", "image_tags", ["value", "deleted", "image_id"])
    _index_properties("intaglio_image_properties_name_value")
    _index("intaglio_image_members_member", "image_members", ["member", "deleted", "image_id", "status"])


def _create_revisions() -> None:
    op.create_table(
        "intaglio_image_revisions",
        sa.Column("image_id", sa.String(36), primary_key=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        **_MYSQL,
    )


def _create_leases() -> None:
    op.create_table(
        "intaglio_leases",
        sa.Column("image_id", sa.String(36), primary_key=True),
        sa.Column("kind", sa.String(20), primary_key=True),
        sa.Column("holder", sa.String(255), nullable=False),
        sa.Column("store_id", sa.String(255), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("expires_at", _PRECISE, nullable=False),
        sa.Column("created_at", _PRECISE, nullable=False),
        **_MYSQL,
    )
    op.create_index("intaglio_leases_expires_at", "intaglio_leases", ["expires_at"])


def _sort_key(column: str) -> str | sa.TextClause:
    """PostgreSQL would put NULL last and names in the order of a locale; the lists promise neither."""
    if op.get_bind().dialect.name != "postgresql":
        return column
    collation = ' COLLATE "C"' if column == "name" else ""
    return sa.text(f"{column}{collation} NULLS FIRST")


def _index_properties(name: str) -> None:
    """By name and the beginning of the value, for servers refuse to index what can be as long as a value.

    SQLite does not; and an index over an expression would be lost there whenever Glance's migrations copy the table.
    """
    if op.get_bind().dialect.name == "postgresql":
        _index(name, "image_properties", ["name", sa.text("substr(value, 1, 64)")])
    else:
        _index(name, "image_properties", ["name", "value"], mysql_length={"value": 64})


def _index(name: str, table: str, columns: list[str | sa.TextClause], **options: Any) -> None:
    # On MariaDB an upgrade that was cut off has made some of them.
    if name not in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}:
        op.create_index(name, table, columns, **options)
