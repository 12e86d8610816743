"""Receipts of images, the certificates that they are about, and how far the reading back of all copies is."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import DATETIME

revision = "0007"
down_revision = "0006"

_PRECISE = sa.DateTime().with_variant(DATETIME(fsp=6), "mysql")
_MYSQL: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8"}


def upgrade() -> None:
    there = sa.inspect(op.get_bind()).get_table_names()
    for name, make in (
        ("intaglio_receipts", _receipts),
        ("intaglio_receipts_due", _due),
        ("intaglio_certificates", _certificates),
        ("intaglio_rounds", _rounds),
    ):
        if name not in there:
            make(name)


def _receipts(name: str) -> None:
    op.create_table(
        name,
        sa.Column("image_id", sa.String(36), primary_key=True),
        sa.Column("envelope", sa.Text(), nullable=False),
        sa.Column("keyid", sa.String(64), nullable=False),
        sa.Column("mark", sa.String(64), nullable=False),
        sa.Column("digests", sa.String(20), nullable=False),
        sa.Column("compared_at", _PRECISE),
        sa.Column("issued_at", _PRECISE, nullable=False),
        **_MYSQL,
    )


def _due(name: str) -> None:
    op.create_table(
        name,
        sa.Column("image_id", sa.String(36), primary_key=True),
        sa.Column("digests", sa.String(20)),
        sa.Column("noted_at", _PRECISE, nullable=False),
        sa.Column("retry_at", _PRECISE, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("error", sa.Text()),
        **_MYSQL,
    )
    op.create_index(f"{name}_retry_at", name, ["retry_at"])


def _certificates(name: str) -> None:
    op.create_table(
        name,
        sa.Column("fingerprint", sa.String(64), primary_key=True),
        sa.Column("pem", sa.Text(), nullable=False),
        sa.Column("keyid", sa.String(64)),
        sa.Column("seen_at", _PRECISE, nullable=False),
        **_MYSQL,
    )
    op.create_index(f"{name}_keyid", name, ["keyid"])


def _rounds(name: str) -> None:
    op.create_table(
        name,
        sa.Column("name", sa.String(30), primary_key=True),
        sa.Column("after", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.String(255), nullable=False),
        sa.Column("expires_at", _PRECISE, nullable=False),
        sa.Column("began_at", _PRECISE, nullable=False),
        sa.Column("ended_at", _PRECISE),
        sa.Column("copies", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("wrong", sa.BigInteger(), nullable=False, server_default="0"),
        **_MYSQL,
    )
