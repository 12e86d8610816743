"""Signatures of upstreams, and those that were replaced, as they were verified."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import DATETIME, MEDIUMTEXT

revision = "0008"
down_revision = "0007"

_PRECISE = sa.DateTime().with_variant(DATETIME(fsp=6), "mysql")
_MYSQL: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8"}


def upgrade() -> None:
    if "intaglio_evidence" in sa.inspect(op.get_bind()).get_table_names():
        return
    op.create_table(
        "intaglio_evidence",
        sa.Column("image_id", sa.String(36), primary_key=True),
        sa.Column("kind", sa.String(20), primary_key=True),
        sa.Column("task_id", sa.String(36), nullable=False),
        sa.Column("data", sa.String(128)),
        sa.Column("recorded_at", _PRECISE, nullable=False),
        sa.Column("document", sa.Text().with_variant(MEDIUMTEXT(), "mysql"), nullable=False),
        **_MYSQL,
    )
