"""The conditions of a list query in SQL: who sees what, what comes after the marker, and in which order.

SQLite, which keeps no statistics, would often enter a table by the wrong index; so only the columns that should lead
the way are shown to it as they are (`_column`), and the others in a form that no index serves.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, bindparam, exists, false, or_, select
from sqlalchemy.sql.base import ColumnCollection, ReadOnlyColumnCollection

from intaglio.db.repos.dialects import apart, by_code_point, equals, parameter, unindexed
from intaglio.db.repos.image_shapes import Branch, Shape
from intaglio.db.repos.image_sieves import chosen, passes
from intaglio.db.tables.images import images, members
from intaglio.domain.query import Direction
from intaglio.domain.status import Status

Columns = ReadOnlyColumnCollection[str, Any] | ColumnCollection[str, Any] | Mapping[str, ColumnElement[Any]]

LIMIT = bindparam("limit", type_=Integer())
ROWS = bindparam("rows", type_=Integer())  # the limit, and one more for each edge

_LEADING = {
    "anyone": frozenset({"deleted", "os_hidden", "visibility"}),
    "own": frozenset({"deleted", "os_hidden", "owner"}),
    "shared": frozenset({"id"}),
}


def _column(shape: Shape, branch: Branch, name: str) -> ColumnElement[Any]:
    leading = shape.stage != "few" and name in _LEADING[branch.whose]
    return images.c[name] if leading else unindexed(shape.dialect, images.c[name])


def seen(shape: Shape, branch: Branch) -> list[ColumnElement[bool]]:
    """The live images of a branch, killed ones among them."""
    visible = [each.value for each in branch.visibilities]
    visibility = _column(shape, branch, "visibility")
    conditions = [
        _column(shape, branch, "deleted") == false(),
        _column(shape, branch, "os_hidden") == bindparam("hidden", type_=images.c.os_hidden.type),
        visibility == visible[0] if len(visible) == 1 else visibility.in_(visible),
    ]
    mine = equals(shape.dialect, _column(shape, branch, "owner"), parameter("project", images.c.owner))
    if branch.whose == "own":
        conditions.append(mine)
    if branch.whose == "shared":
        conditions += [or_(images.c.owner.is_(None), ~mine), _is_shared(shape)]
    return conditions


def _is_shared(shape: Shape) -> ColumnElement[bool]:
    mine = equals(shape.dialect, members.c.member, parameter("project", members.c.member))
    shared = [mine, members.c.deleted == false()]
    if not shape.any_member_status:
        shared.append(members.c.status == parameter("member_status", members.c.status))
    if shape.stage == "few":  # asked of each, as the images come from elsewhere
        return exists().where(members.c.image_id == images.c.id, *shared)
    ids: Select[Any] = select(members.c.image_id).where(*shared)
    return images.c.id.in_(ids)


def filters(shape: Shape) -> list[ColumnElement[bool]]:
    """All sieves of the query, in the form that suits the stage; and no list shows what was killed."""
    conditions = [unindexed(shape.dialect, images.c.status) != Status.KILLED.value]
    if shape.stage == "sweep":
        sets = [chosen(shape.dialect, sieve) for sieve in shape.sieves]
        return [*conditions, *(apart(shape.dialect, unindexed(shape.dialect, images.c.id).in_(ids)) for ids in sets)]
    for sieve in shape.sieves:
        if sieve == shape.leader:
            continue
        leading = sieve.kind == "time" and sieve.name == shape.sort[0][0] and shape.stage != "few"
        conditions.append(passes(shape.dialect, sieve, leading=leading))
    return conditions


def order(shape: Shape, columns: Columns) -> list[ColumnElement[Any]]:
    """NULL counts as smaller than everything, as SQLite and MariaDB have it."""
    keys: list[ColumnElement[Any]] = [columns["place"].asc()] if shape.ranks else []
    for name, direction in shape.sort:
        column = by_code_point(shape.dialect, name, columns[name])
        ascending = direction is Direction.ASC
        ordered = column.asc() if ascending else column.desc()
        if shape.dialect == "postgresql" and name != "id":  # as its indexes are made
            ordered = ordered.nulls_first() if ascending else ordered.nulls_last()
        keys.append(ordered)
    return keys


def after(shape: Shape, branch: Branch | None) -> list[ColumnElement[bool]]:
    """What follows the marker: disjoint conditions, each a range of the first key that an index can be entered by."""
    walked = branch is not None and branch.whose != "shared" and shape.stage != "few"
    return _Row(shape, "marker", shape.marker or (), forward=True).others(walked=walked)


def until(shape: Shape, number: int, known: tuple[bool, ...]) -> ColumnElement[bool]:
    """What comes before the edge of a walk. `known` are its keys that have a value."""
    return or_(*_Row(shape, f"edge_{number}", known, forward=False).others(walked=True))


class _Row:
    """A row that others are compared with: those behind it in the order asked for, or (not `forward`) before it.

    Its keys are the parameters `name_0` and so on; `known` says which of them have a value.
    """

    def __init__(self, shape: Shape, name: str, known: tuple[bool, ...], *, forward: bool) -> None:
        self.dialect = shape.dialect
        self.sort = [(column, (direction is Direction.ASC) == forward) for column, direction in shape.sort]
        self.name = name
        self.known = known

    def others(self, *, walked: bool) -> list[ColumnElement[bool]]:
        column, ascending = self.sort[0]
        first = images.c[column]
        key = by_code_point(self.dialect, column, first if walked else unindexed(self.dialect, first))
        value = parameter(f"{self.name}_0", first)
        among_equals = self._beyond(1)
        if not self.known[0]:
            among_nulls = and_(key.is_(None), among_equals)
            return [among_nulls, key.is_not(None)] if ascending else [among_nulls]
        if ascending:
            return [and_(key >= value, or_(key > value, among_equals))]
        lower = and_(key <= value, or_(key < value, among_equals))
        return [lower, key.is_(None)] if first.nullable else [lower]

    def _beyond(self, place: int) -> ColumnElement[bool]:
        """Those beyond by the keys from `place` on, among rows that are like it in the keys before."""
        if place == len(self.sort):
            return false()
        column, ascending = self.sort[place]
        key = by_code_point(self.dialect, column, images.c[column])
        value = parameter(f"{self.name}_{place}", images.c[column])
        rest = self._beyond(place + 1)
        if not self.known[place]:
            return or_(key.is_not(None), and_(key.is_(None), rest)) if ascending else and_(key.is_(None), rest)
        further = key > value if ascending else key < value
        if not ascending and images.c[column].nullable:
            further = or_(further, key.is_(None))
        return or_(further, and_(key == value, rest))
