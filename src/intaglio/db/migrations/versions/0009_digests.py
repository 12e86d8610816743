"""A digest of each image's data that is quick to compare."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_MYSQL: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8"}


def upgrade() -> None:
    if "intaglio_digests" in sa.inspect(op.get_bind()).get_table_names():
        return
    op.create_table(
        "intaglio_digests",
        sa.Column("image_id", sa.String(36), primary_key=True),
        sa.Column("on_record", sa.String(128), nullable=False),
        sa.Column("blake3", sa.String(64), nullable=False),
        **_MYSQL,
    )
