"""The workers that are alive, so that others notice when one is not."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import DATETIME

revision = "0005"
down_revision = "0001"

_PRECISE = sa.DateTime().with_variant(DATETIME(fsp=6), "mysql")
_MYSQL: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8"}


def upgrade() -> None:
    if "intaglio_workers" in sa.inspect(op.get_bind()).get_table_names():
        return
    op.create_table(
        "intaglio_workers",
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("beats", sa.BigInteger(), nullable=False),
        sa.Column("started_at", _PRECISE, nullable=False),
        **_MYSQL,
    )
