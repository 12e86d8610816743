"""The one MetaData, and the column kinds that Glance's tables repeat."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, MetaData, String, Table
from sqlalchemy.schema import SchemaItem

METADATA = MetaData()

# 64 bits everywhere; in SQLite the spelling INTEGER is what makes a primary key count by itself.
BIG = BigInteger().with_variant(Integer(), "sqlite")


def table(name: str, *items: SchemaItem) -> Table:
    """A table as Glance makes it: InnoDB and three-byte utf8 on MariaDB."""
    return Table(name, METADATA, *items, mysql_engine="InnoDB", mysql_charset="utf8")


def text_key(name: str, *rest: SchemaItem) -> Column[str]:
    """A column that holds the text form of a UUID."""
    return Column(name, String(36), *rest, nullable=False)


def flag(name: str, **options: Any) -> Column[bool]:
    """A 0/1 column that the database checks where it has no boolean type."""
    return Column(name, Boolean(create_constraint=True), **options)


def times() -> tuple[Column[Any], ...]:
    """`created_at` and `updated_at`."""
    return (Column("created_at", DateTime(), nullable=False), Column("updated_at", DateTime()))


def soft_deletion() -> tuple[Column[Any], ...]:
    """The times, and the two columns that mark a row as removed without removing it."""
    return (*times(), Column("deleted_at", DateTime()), flag("deleted", nullable=False))
