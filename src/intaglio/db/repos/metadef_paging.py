"""A page of one of the catalogue's lists: ordered by one key, then by creation; from a marker on.

What has no value comes before what has one, on every database.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, Table, and_, case, literal, or_

from intaglio.domain.metadefs.query import Paging
from intaglio.domain.query import Direction

_TIES = ("created_at", "id")


def paged(statement: Select[Any], table: Table, paging: Paging, marker: RowMapping | None) -> Select[Any]:
    """`statement`, a select from `table`, as one page of it; `marker` is the row that the page starts after."""
    names = _names(paging.sort_key)
    rising = paging.direction is Direction.ASC
    keys = [key for name in names for key in _keys(table, name)]
    statement = statement.order_by(*(key.asc() if rising else key.desc() for key in keys))
    if marker is not None:
        statement = statement.where(_after(table, names, marker, rising=rising))
    return statement if paging.limit is None else statement.limit(paging.limit)


def _names(sort_key: str) -> list[str]:
    names = [sort_key, *(name for name in _TIES if name != sort_key)]
    return names[: names.index("id") + 1]


def _keys(table: Table, name: str) -> Sequence[ColumnElement[Any]]:
    column = table.c[name]
    return (_present(column), column) if column.nullable else (column,)


def _present(column: ColumnElement[Any]) -> ColumnElement[int]:
    return case((column.is_(None), 0), else_=1)


def _after(table: Table, names: Sequence[str], marker: RowMapping, *, rising: bool) -> ColumnElement[bool]:
    """Beyond the marker in the first key, or level with it and beyond in the second, and so on."""
    beyond: list[ColumnElement[bool]] = []
    level: list[ColumnElement[bool]] = []
    for name in names:
        column, value = table.c[name], marker[name]
        keys: list[tuple[ColumnElement[Any], Any]] = (
            [(column, literal(value, column.type))] if value is not None else []
        )
        if column.nullable:
            keys.insert(0, (_present(column), int(value is not None)))
        for key, at in keys:
            beyond.append(and_(*level, key > at if rising else key < at))
            level.append(key == at)
    return or_(*beyond)
