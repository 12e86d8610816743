"""What removing data needs: how often it was tried, what images were before; and which directory is which store's."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import DATETIME

revision = "0005"
down_revision = "0004"

_PRECISE = sa.DateTime().with_variant(DATETIME(fsp=6), "mysql")
_MYSQL: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8"}


def upgrade() -> None:
    inspector = sa.inspect(op.get_bind())
    present = set(inspector.get_table_names())
    _widen_leases({column["name"] for column in inspector.get_columns("intaglio_leases")})
    if "intaglio_deletions" not in present:
        op.create_table(
            "intaglio_deletions",
            sa.Column("image_id", sa.String(36), primary_key=True),
            sa.Column("status", sa.String(30), nullable=False),
            sa.Column("deleted_at", _PRECISE, nullable=False),
            **_MYSQL,
        )
    if "intaglio_store_marks" not in present:
        op.create_table(
            "intaglio_store_marks",
            sa.Column("identity", sa.String(36), primary_key=True),
            sa.Column("store_id", sa.String(255), nullable=False),
            sa.Column("place", sa.Text(), nullable=False),
            sa.Column("made_at", _PRECISE, nullable=False),
            **_MYSQL,
        )
    if "intaglio_images_status_deleted_at" not in {index["name"] for index in inspector.get_indexes("images")}:
        op.create_index("intaglio_images_status_deleted_at", "images", ["status", "deleted_at"])


def _widen_leases(present: set[str]) -> None:
    """With defaults, so that a process of the release before can go on writing leases."""
    columns = (
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("error", sa.Text()),
        sa.Column("given_up_at", _PRECISE),
    )
    for column in columns:
        if column.name not in present:
            op.add_column("intaglio_leases", column)
