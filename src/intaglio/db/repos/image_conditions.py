"""The conditions of a list query in SQL: who sees what, the filters, what comes after the marker, and in which order.

SQLite, which keeps no statistics, would often enter a table by the wrong index; so only the columns that should lead
the way are shown to it as they are (`_column`), and the others in a form that no index serves.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, bindparam, exists, false, or_, select
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from intaglio.db.repos.dialects import among, equals, live, parameter, unindexed
from intaglio.db.repos.image_shapes import Branch, Shape
from intaglio.db.tables.images import images, members, properties, tags
from intaglio.domain.query import Direction
from intaglio.domain.status import Status

Columns = ReadOnlyColumnCollection[str, Any] | Mapping[str, ColumnElement[Any]]

LIMIT = bindparam("limit", type_=Integer())

_LEADING = {
    "anyone": frozenset({"deleted", "os_hidden", "visibility"}),
    "own": frozenset({"deleted", "os_hidden", "owner"}),
    "shared": frozenset({"id"}),
}


def _column(shape: Shape, branch: Branch | None, name: str) -> ColumnElement[Any]:
    leading = branch is not None and not shape.few and name in _LEADING[branch.whose]
    return images.c[name] if leading else unindexed(shape.dialect, images.c[name])


def seen(shape: Shape, branch: Branch) -> list[ColumnElement[bool]]:
    """The live images of a branch."""
    visible = [each.value for each in branch.visibilities]
    visibility = _column(shape, branch, "visibility")
    conditions = [
        _column(shape, branch, "deleted") == false(),
        _column(shape, branch, "os_hidden") == bindparam("hidden", type_=images.c.os_hidden.type),
        _column(shape, branch, "status") != Status.KILLED.value,
        visibility == visible[0] if len(visible) == 1 else visibility.in_(visible),
    ]
    mine = equals(shape.dialect, _column(shape, branch, "owner"), parameter("project", images.c.owner))
    if branch.whose == "own":
        conditions.append(mine)
    if branch.whose == "shared":
        conditions += [or_(images.c.owner.is_(None), ~mine), images.c.id.in_(_shared_ids(shape))]
    return conditions


def _shared_ids(shape: Shape) -> Select[Any]:
    mine = equals(shape.dialect, members.c.member, parameter("project", members.c.member))
    shared = select(members.c.image_id).where(mine, members.c.deleted == false())
    if shape.any_member_status:
        return shared
    return shared.where(members.c.status == parameter("member_status", members.c.status))


def filters(shape: Shape) -> list[ColumnElement[bool]]:
    """All filters of the query."""
    dialect = shape.dialect
    conditions: list[ColumnElement[bool]] = []
    if shape.few:
        conditions.append(images.c.id.in_(bindparam("ids", expanding=True)))
    if shape.protected:
        conditions.append(images.c.protected == parameter("protected", images.c.protected))
    for place, (name, count) in enumerate(shape.texts):
        wanted = [parameter(f"text_{place}_{number}", images.c[name]) for number in range(count)]
        conditions.append(among(dialect, _column(shape, None, name), wanted))
    for place, (name, operator) in enumerate(shape.numbers):
        conditions.append(_compared(images.c[name], operator, parameter(f"number_{place}", images.c[name])))
    for place, (name, operator) in enumerate(shape.times):
        leading = name == shape.sort[0][0] and not shape.few
        column = images.c[name] if leading else unindexed(dialect, images.c[name])
        moment = parameter(f"time_{place}", images.c[name])
        if operator == "neq":
            end = parameter(f"time_{place}_end", images.c[name])
            conditions.append(or_(column < moment, column >= end))
        else:
            conditions.append(_compared(column, operator, moment))
    conditions += [_tagged(dialect, place) for place in range(shape.tags)]
    conditions += [_has_property(dialect, place) for place in range(shape.properties)]
    return conditions


def _compared(column: ColumnElement[Any], operator: str, value: ColumnElement[Any]) -> ColumnElement[bool]:
    match operator:
        case "gte" | "min":
            return column >= value
        case "lt":
            return column < value
        case "max":
            return column <= value
        case _:
            return column == value


def _tagged(dialect: str, place: int) -> ColumnElement[bool]:
    same = equals(dialect, tags.c.value, parameter(f"tag_{place}", tags.c.value))
    return exists().where(tags.c.image_id == images.c.id, same, live(tags))


def _has_property(dialect: str, place: int) -> ColumnElement[bool]:
    named = equals(dialect, properties.c.name, parameter(f"property_{place}", properties.c.name))
    same = equals(dialect, properties.c.value, parameter(f"value_{place}", properties.c.value))
    return exists().where(properties.c.image_id == images.c.id, named, same, live(properties))


def _sorted_column(dialect: str, name: str, column: ColumnElement[Any]) -> ColumnElement[Any]:
    # Like SQLite, by code point: a locale would make the order depend on how the database was created.
    return column.collate("C") if dialect == "postgresql" and name == "name" else column


def order(shape: Shape, columns: Columns) -> list[ColumnElement[Any]]:
    """NULL counts as smaller than everything, as SQLite and MariaDB have it."""
    keys: list[ColumnElement[Any]] = []
    for name, direction in shape.sort:
        column = _sorted_column(shape.dialect, name, columns[name])
        ascending = direction is Direction.ASC
        ordered = column.asc() if ascending else column.desc()
        if shape.dialect == "postgresql":
            ordered = ordered.nulls_first() if ascending else ordered.nulls_last()
        keys.append(ordered)
    return keys


def after(shape: Shape, branch: Branch | None) -> list[ColumnElement[bool]]:
    """What follows the marker: disjoint conditions, each a range of the first key that an index can be entered by."""
    first, ascending = images.c[shape.sort[0][0]], shape.sort[0][1] is Direction.ASC
    walked = branch is not None and branch.whose != "shared"
    key = _sorted_column(shape.dialect, first.name, first if walked else unindexed(shape.dialect, first))
    value = parameter("marker_0", first)
    among_equals = _following(shape, 1)
    if not (shape.marker and shape.marker[0]):
        among_nulls = and_(key.is_(None), among_equals)
        return [among_nulls, key.is_not(None)] if ascending else [among_nulls]
    if ascending:
        return [and_(key >= value, or_(key > value, among_equals))]
    lower = and_(key <= value, or_(key < value, among_equals))
    return [lower, key.is_(None)] if first.nullable else [lower]


def _following(shape: Shape, place: int) -> ColumnElement[bool]:
    """What follows the marker by the keys from `place` on, among rows that are like it in the keys before."""
    if place == len(shape.sort):
        return false()
    name, direction = shape.sort[place]
    key = _sorted_column(shape.dialect, name, images.c[name])
    value = parameter(f"marker_{place}", images.c[name])
    rest = _following(shape, place + 1)
    ascending = direction is Direction.ASC
    if not (shape.marker and shape.marker[place]):
        return or_(key.is_not(None), and_(key.is_(None), rest)) if ascending else and_(key.is_(None), rest)
    beyond = key > value if ascending else key < value
    if not ascending and images.c[name].nullable:
        beyond = or_(beyond, key.is_(None))
    return or_(beyond, and_(key == value, rest))
