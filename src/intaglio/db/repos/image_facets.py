"""Counting the images of a list by what they have in common: one statement for fields, one more for each other facet.

The time is that of looking at every image counted; so these are read apart from what others wait for.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, Select, Subquery, Table, and_, cast, func, select, union_all

from intaglio.db.base import Connection
from intaglio.db.repos.dialects import equals, live, parameter, unindexed
from intaglio.db.repos.image_conditions import LIMIT, filters
from intaglio.db.repos.image_pages import shape_for
from intaglio.db.repos.image_shapes import Shape
from intaglio.db.repos.image_statements import led, walks
from intaglio.db.tables.images import images, properties, tags
from intaglio.domain.facets import Counted, Facet, Facets, Kind, most_frequent
from intaglio.domain.query import ImageQuery


async def count(conn: Connection, query: ImageQuery, wanted: Sequence[Facet]) -> Facets:
    """The number of images in the whole list, and the `query.limit` most frequent values of each facet."""
    shape, values = await shape_for(conn, query)
    if shape is None:
        return Facets.none()
    fields = [each.name for each in wanted if each.kind is Kind.FIELD]
    total, counts = await _by_fields(conn, shape, values, fields)
    for facet in wanted:
        if facet.kind is not Kind.FIELD:
            counts[facet.name] = await _by_rows(conn, shape, values, facet, total)
    return Facets(total, counts)


async def _by_fields(
    conn: Connection, shape: Shape, values: Mapping[str, Any], fields: Sequence[str]
) -> tuple[int, dict[str, Counted]]:
    listed = _listed(shape, fields)
    keys = [listed.c[name] for name in fields]
    statement = select(func.count(), *keys).select_from(listed).group_by(*keys)
    rows: list[tuple[Any, ...]] = [tuple(row) for row in (await conn.execute(statement, values)).all()]
    total = sum(number for number, *_ in rows)
    counts: dict[str, Counted] = {}
    for place, name in enumerate(fields, start=1):
        numbers: Counter[Any] = Counter()
        for row in rows:
            numbers[row[place]] += row[0]
        counts[name] = most_frequent(numbers, numbers.pop(None, 0), values["limit"])
    return total, counts


async def _by_rows(conn: Connection, shape: Shape, values: Mapping[str, Any], facet: Facet, total: int) -> Counted:
    """By a property or by tags. An image has a tag once, and maybe many tags; it counts as missing when it has none."""
    table = properties if facet.kind is Kind.PROPERTY else tags
    statement = _rows_counted(shape, table)
    found: Sequence[Any] = (await conn.execute(statement, {**values, "facet": facet.name})).all()
    counted = tuple((_text(value), number) for value, number, _, _ in found)
    distinct = found[0][2] if found else 0
    if table is tags:
        having = (await conn.execute(_images_with(shape, table), values)).scalar_one()
    else:
        having = int(found[0][3]) if found else 0
    return Counted(counted, total - having, distinct)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _rows_counted(shape: Shape, table: Table) -> Select[Any]:
    listed = _listed(shape, ())
    value = _exact(shape.dialect, table.c.value)
    # an image has a property once, but there may be two rows of one tag
    number = (func.count() if table is properties else func.count(table.c.image_id.distinct())).label("number")
    joined = listed.join(table, _of(shape, table, listed.c.id))
    grouped = select(value.label("value"), number).select_from(joined).group_by(value).subquery("grouped")
    every = (func.count().over(), func.sum(grouped.c.number).over())
    return select(grouped.c.value, grouped.c.number, *every).order_by(*_order(grouped)).limit(LIMIT)


def _images_with(shape: Shape, table: Table) -> Select[Any]:
    listed = _listed(shape, ())
    return select(func.count(table.c.image_id.distinct())).select_from(
        listed.join(table, _of(shape, table, listed.c.id))
    )


def _order(grouped: Subquery) -> Iterable[ColumnElement[Any]]:
    return grouped.c.number.desc(), grouped.c.value


def _exact(dialect: str, value: ColumnElement[Any]) -> ColumnElement[Any]:
    """Values told apart and ordered by their bytes: collations know fewer and others."""
    if dialect == "mysql":
        return cast(value, LargeBinary)
    return value.collate("C") if dialect == "postgresql" else value


def _of(shape: Shape, table: Table, image_id: ColumnElement[Any]) -> ColumnElement[bool]:
    here = [table.c.image_id == image_id, live(table), table.c.value.is_not(None)]
    if table is properties:
        # SQLite is to come from the few images, not from all rows of that name.
        name = unindexed(shape.dialect, properties.c.name) if shape.stage == "few" else properties.c.name
        here.append(equals(shape.dialect, name, parameter("facet", properties.c.name)))
    return and_(*here)


def _listed(shape: Shape, fields: Sequence[str]) -> Subquery:
    """All images of the list with some of their fields."""
    columns = [images.c[name] for name in ("id", *fields)]
    if shape.stage == "few":
        return led(shape, columns, ()).subquery("listed")
    arms = [walk.with_only_columns(*columns).where(*filters(shape)) for _, walk in walks(shape)]
    return (union_all(*arms) if len(arms) > 1 else arms[0]).subquery("listed")
