"""The workers that are alive, so that others notice when one is not; and how far the tasks are that they do."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import DATETIME

revision = "0004"
down_revision = "0003"

_PRECISE = sa.DateTime().with_variant(DATETIME(fsp=6), "mysql")
_MYSQL: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8"}


def upgrade() -> None:
    present = set(sa.inspect(op.get_bind()).get_table_names())
    if "intaglio_workers" not in present:
        op.create_table(
            "intaglio_workers",
            sa.Column("name", sa.String(255), primary_key=True),
            sa.Column("beats", sa.BigInteger(), nullable=False),
            sa.Column("started_at", _PRECISE, nullable=False),
            **_MYSQL,
        )
    if "intaglio_task_runs" not in present:
        op.create_table(
            "intaglio_task_runs",
            sa.Column("task_id", sa.String(36), primary_key=True),
            sa.Column("cancelled_at", _PRECISE),
            sa.Column("progress", sa.Text()),
            **_MYSQL,
        )
