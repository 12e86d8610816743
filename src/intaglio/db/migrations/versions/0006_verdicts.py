"""Whether the data of images were found safe, and by which rules."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import DATETIME

revision = "0006"
down_revision = "0005"

_PRECISE = sa.DateTime().with_variant(DATETIME(fsp=6), "mysql")
_MYSQL: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8"}


def upgrade() -> None:
    if "intaglio_verdicts" in sa.inspect(op.get_bind()).get_table_names():
        return
    op.create_table(
        "intaglio_verdicts",
        sa.Column("image_id", sa.String(36), primary_key=True),
        sa.Column("rules", sa.String(255), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("detected_format", sa.String(255), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("judged_at", _PRECISE, nullable=False),
        **_MYSQL,
    )
