"""What projects use, kept up to date with every change of an image, and what running transfers have reserved.

`project_id` is empty for images without an owner.
"""

import importlib
from typing import Any

from sqlalchemy import BigInteger, Column, Dialect, Index, String
from sqlalchemy.types import TypeDecorator, TypeEngine

from intaglio.db.tables.metadata import table


class ExactText(TypeDecorator[str]):
    """A text that is the same only byte for byte, on MariaDB too, where texts that differ in case are one key."""

    impl = String
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name not in {"mysql", "mariadb"}:
            return dialect.type_descriptor(String(self.length))
        # By name, because a service on another database need not import MariaDB's dialect.
        varbinary = importlib.import_module("sqlalchemy.dialects.mysql").VARBINARY
        return dialect.type_descriptor(varbinary(3 * self.length))

    def bind_processor(self, dialect: Dialect) -> None:
        """Bound as text everywhere: MariaDB turns it into the same bytes, while aiomysql 0.3 fails on bytes."""

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        return value.decode() if isinstance(value, bytes) else value


project_usage = table(
    "intaglio_project_usage",
    Column("project_id", ExactText(255), primary_key=True),
    Column("stored", BigInteger(), nullable=False),
    Column("staged", BigInteger(), nullable=False),
    Column("images", BigInteger(), nullable=False),
    Column("uploading", BigInteger(), nullable=False),
    Column("stored_reserved", BigInteger(), nullable=False),
    Column("staged_reserved", BigInteger(), nullable=False),
)

reservations = table(
    "intaglio_reservations",
    Column("image_id", String(36), primary_key=True),
    Column("kind", String(20), primary_key=True),
    Column("project_id", ExactText(255), nullable=False),
    Column("resource", String(20), nullable=False),
    Column("amount", BigInteger(), nullable=False),
    Index("intaglio_reservations_project_id", "project_id"),
)
