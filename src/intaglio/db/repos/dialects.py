"""Where the databases differ in what an expression means, made to mean the same.

MariaDB compares Glance's text columns without regard to case, accents and trailing spaces. Whatever decides who sees
what, or which row is meant, is compared exactly on every database: first in the way an index can serve, then by bytes.
"""

import importlib
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Enum,
    Insert,
    Integer,
    LargeBinary,
    Select,
    String,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    func,
    literal_column,
    or_,
    true,
)
from sqlalchemy.sql.expression import UnaryExpression
from sqlalchemy.sql.operators import custom_op

_PLUS: Any = custom_op("+")


def equals(dialect: str, column: ColumnElement[Any], value: BindParameter[Any]) -> ColumnElement[bool]:
    """`column = value`, exactly."""
    if dialect != "mysql":
        return column == value
    return and_(column == value, cast(column, LargeBinary) == cast(value, LargeBinary))


def among(dialect: str, column: ColumnElement[Any], values: list[BindParameter[Any]]) -> ColumnElement[bool]:
    """Whether `column` is exactly one of `values`."""
    if len(values) == 1:
        return equals(dialect, column, values[0])
    if dialect != "mysql":
        return column.in_(values)
    exact = or_(*(cast(column, LargeBinary) == cast(value, LargeBinary) for value in values))
    return and_(column.in_(values), exact)


def live(table: Table) -> ColumnElement[bool]:
    """The rows of a child table that are not soft-deleted.

    Not `deleted = 0`: without statistics SQLite would then take the index on `deleted`, which nearly every row shares,
    for as good as the one on `image_id`.
    """
    return table.c.deleted != true()


@cache
def putting(dialect: str, table: Table, *changes: str) -> Insert:
    """An insertion that, where there is a row of the same primary key, sets these columns to the values given instead.

    Without `changes` that row stays as it is.
    """
    # By name, because importing the two dialects that are not used costs a tenth of a second at start.
    statement: Any = importlib.import_module(f"sqlalchemy.dialects.{dialect}").insert(table)
    keys = [column.name for column in table.primary_key.columns]
    made: Insert
    if dialect == "mysql":
        kept = changes or tuple(keys)  # setting the key to itself changes nothing, and is no error as IGNORE makes it
        made = statement.on_duplicate_key_update({name: statement.inserted[name] for name in kept})
    elif changes:
        values = {name: statement.excluded[name] for name in changes}
        made = statement.on_conflict_do_update(index_elements=keys, set_=values)
    else:
        made = statement.on_conflict_do_nothing(index_elements=keys)
    return made


def unindexed(dialect: str, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The column, as something no index is looked for on: what narrows more has one of its own.

    MariaDB is told by hints which index to take; PostgreSQL is misled by texts and numbers alone.
    """
    if dialect == "sqlite":
        return UnaryExpression(column, operator=_PLUS, type_=column.type)
    if dialect == "postgresql" and isinstance(column.type, Integer):
        return column + literal_column("0")
    if dialect == "postgresql" and isinstance(column.type, String) and not isinstance(column.type, Enum):
        return column.concat(literal_column("''"))
    return column


def any_row(dialect: str, rows: Select[Any]) -> ColumnElement[bool]:
    """Whether there is any such row for the row at hand: EXISTS, but looked up for each, as `apart` says."""
    return rows.exists() if dialect == "sqlite" else rows.limit(1).scalar_subquery().is_not(None)


def apart(dialect: str, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """A condition on a set that stands by itself, which is to be made once.

    A server would make a join of it, and without statistics one that reads the same thousands of rows for each row.
    """
    return condition if dialect == "sqlite" else condition.is_(true())


_TEXTS = frozenset({"name", "status", "disk_format", "container_format"})


def by_code_point(dialect: str, name: str, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column of `images` as lists are sorted by it, and its index is made.

    A text by code point, like on SQLite: a locale would make the order depend on how the database was created.
    """
    return column.collate("C") if dialect == "postgresql" and name in _TEXTS else column


def json_object(dialect: str, name: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[Any]:
    """One JSON text out of many rows, `{name: value, …}`; NULL or `{}` when there are none."""
    if dialect == "postgresql":
        return cast(func.json_object_agg(name, value), Text)
    return func.json_group_object(name, value) if dialect == "sqlite" else func.json_objectagg(name, value)


def json_rows(dialect: str, *columns: ColumnElement[Any]) -> ColumnElement[Any]:
    """One JSON text out of many rows, `[[column, …], …]` in no order; NULL or `[]` when there are none."""
    if dialect == "postgresql":
        return cast(func.json_agg(func.json_build_array(*columns)), Text)
    row = func.json_array(*columns)
    return func.json_group_array(row) if dialect == "sqlite" else func.json_arrayagg(row)


def parameter(name: str, like: ColumnElement[Any]) -> BindParameter[Any]:
    """A named value of the column's type."""
    return bindparam(name, type_=like.type)
