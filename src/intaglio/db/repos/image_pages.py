"""Pages of the image list: one statement after the marker's, whatever the catalogue holds.

What a viewer may see is a union of few *branches* (public ones, own ones, …) that do not overlap. Each branch is walked
along an index in the order asked for, from the marker on, and stops when the page is full; so a page costs what it
returns, whoever looks. See docs/adr/0004 for the indexes.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

import msgspec
from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Subquery,
    and_,
    bindparam,
    exists,
    false,
    or_,
    select,
    union_all,
)
from sqlalchemy import column as sql_column
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from intaglio.base.errors import Invalid
from intaglio.db.base import Connection
from intaglio.db.repos.dialects import among, equals, live, parameter
from intaglio.db.repos.image_rows import image_columns, to_image
from intaglio.db.tables.images import images, members, properties, tags
from intaglio.domain.image import Image, Visibility
from intaglio.domain.query import Direction, ImageQuery
from intaglio.domain.status import Status

Columns = ReadOnlyColumnCollection[str, Any] | Mapping[str, ColumnElement[Any]]

_LIMIT = bindparam("limit", type_=Integer())
_P, _C, _S, _V = Visibility.PUBLIC, Visibility.COMMUNITY, Visibility.SHARED, Visibility.PRIVATE


class MarkerUnknown(Invalid):
    """The image a page should start after does not exist."""

    code = "marker-unknown"


class Branch(msgspec.Struct, frozen=True):
    """One part of what a viewer sees: images of some visibilities, all of them, one's own, or shared with one."""

    visibilities: tuple[Visibility, ...]
    whose: Literal["anyone", "own", "shared"] = "anyone"


class Shape(msgspec.Struct, frozen=True):
    """Everything about a query but its values: what a statement is built, and kept, for."""

    dialect: str
    branches: tuple[Branch, ...]
    sort: tuple[tuple[str, Direction], ...]
    marker: tuple[bool, ...] | None  # for each sort key, whether the marker has a value there
    any_member_status: bool
    protected: bool
    texts: tuple[tuple[str, int], ...]
    numbers: tuple[tuple[str, str], ...]
    times: tuple[tuple[str, str], ...]
    tags: int
    properties: int


async def page(conn: Connection, query: ImageQuery) -> list[Image]:
    """The images of one page, complete, in order; never deleted or killed ones, never what the viewer may not list.

    Raises `MarkerUnknown` when the marker was never an image; one deleted meanwhile still marks its place.
    """
    if query.limit <= 0:
        return []
    marker = await _marker(conn, query) if query.marker is not None else None
    shape = _shape(conn.dialect, query, marker)
    if not shape.branches:
        return []
    rows = (await conn.execute(statement(shape), _values(query, marker))).all()
    return [to_image(row) for row in rows]


def branches(query: ImageQuery) -> tuple[Branch, ...]:
    """The disjoint parts whose union the viewer sees (Images API v2, "Visibility" and "List images")."""
    viewer, wanted = query.viewer, query.visibility
    if viewer.is_admin:
        if isinstance(wanted, Visibility):
            return (Branch((wanted,)),)
        everything = tuple(Branch((each,)) for each in (_P, _V, _S))
        if wanted == "all":
            return (*everything, Branch((_C,)))
        return everything if viewer.project_id is None else (*everything, Branch((_C,), "own"))
    if wanted is _P or wanted is _C:
        return (Branch((wanted,)),)
    for_all = {None: (Branch((_P,)),), "all": (Branch((_P,)), Branch((_C,)))}.get(wanted, ())
    if viewer.project_id is None:
        return for_all
    own = {None: (_V, _S, _C), "all": (_V, _S)}.get(wanted) or (Visibility(str(wanted)),)
    shared = () if wanted is _V else (Branch((_S,), "shared"),)
    return (*for_all, Branch(own, "own"), *shared)


def _shape(dialect: str, query: ImageQuery, marker: tuple[Any, ...] | None) -> Shape:
    return Shape(
        dialect=dialect,
        branches=branches(query),
        sort=_sort(query),
        marker=None if marker is None else tuple(value is not None for value in marker),
        any_member_status=query.member_status == "all",
        protected=query.protected is not None,
        texts=tuple((column, len(values)) for column, values in query.texts),
        numbers=tuple((each.column, each.operator) for each in query.numbers),
        times=tuple((each.column, each.operator) for each in query.times),
        tags=len(query.tags),
        properties=len(query.properties),
    )


def _sort(query: ImageQuery) -> tuple[tuple[str, Direction], ...]:
    """The order with each key once and nothing after the unique one."""
    keys: dict[str, Direction] = {}
    for column, direction in query.sort:
        keys.setdefault(column, direction)
        if column == "id":
            break
    keys.setdefault("id", Direction.DESC)
    return tuple(keys.items())


def _values(query: ImageQuery, marker: tuple[Any, ...] | None) -> dict[str, Any]:
    values: dict[str, Any] = {
        "limit": query.limit,
        "hidden": query.os_hidden,
        "protected": query.protected,
        "project": query.viewer.project_id,
        "member_status": query.member_status,
    }
    values |= {f"marker_{place}": value for place, value in enumerate(marker or ())}
    for place, (_, texts) in enumerate(query.texts):
        values |= {f"text_{place}_{number}": text for number, text in enumerate(texts)}
    values |= {f"number_{place}": each.value for place, each in enumerate(query.numbers)}
    values |= {f"time_{place}": each.moment for place, each in enumerate(query.times)}
    values |= {f"tag_{place}": tag for place, tag in enumerate(query.tags)}
    for place, (name, value) in enumerate(query.properties):
        values |= {f"property_{place}": name, f"value_{place}": value}
    return values


async def _marker(conn: Connection, query: ImageQuery) -> tuple[Any, ...]:
    keys = [images.c[column] for column, _ in _sort(query)]
    row = (await conn.execute(select(*keys).where(images.c.id == query.marker))).first()
    if row is None:
        raise MarkerUnknown("The marker is not the id of an image.")
    return tuple(row)


@lru_cache(maxsize=512)
def statement(shape: Shape) -> Select[Any]:
    """The statement for all queries of this shape. Parameters a shape does not use are ignored by the database."""
    chosen = _chosen(shape)
    full = select(*image_columns(shape.dialect)).select_from(chosen.join(images, images.c.id == chosen.c.id))
    return full.order_by(*_order(shape, chosen.c))


def _chosen(shape: Shape) -> Subquery:
    """The ids of the page, with what they are sorted by."""
    walks = [walk for branch in shape.branches for walk in _walks(shape, branch)]
    if len(walks) == 1:
        return _first(shape, walks[0], images.c).subquery("chosen")
    if shape.dialect == "sqlite":
        # SQLite merges the walks as it goes and takes from each only what the page needs.
        names: dict[str, ColumnElement[Any]] = {name: sql_column(name) for name, _ in shape.sort}
        return union_all(*walks).order_by(*_order(shape, names)).limit(_LIMIT).subquery("chosen")
    arms = [_first(shape, walk, images.c).subquery(f"walk_{number}") for number, walk in enumerate(walks)]
    merged = union_all(*(select(*arm.c) for arm in arms)).subquery("walks")
    return _first(shape, select(*merged.c), merged.c).subquery("chosen")


def _first(shape: Shape, walk: Select[Any], columns: Columns) -> Select[Any]:
    return walk.order_by(*_order(shape, columns)).limit(_LIMIT)


def _walks(shape: Shape, branch: Branch) -> list[Select[Any]]:
    """A branch after the marker: one walk, or two where the first key goes through its NULLs as well."""
    keys = [images.c[column] for column, _ in shape.sort]
    walk = select(*keys).where(*_branch(shape, branch), *_filters(shape))
    return [walk] if shape.marker is None else [walk.where(condition) for condition in _after(shape)]


def _branch(shape: Shape, branch: Branch) -> list[ColumnElement[bool]]:
    listed = [images.c.deleted == false(), images.c.os_hidden == bindparam("hidden", type_=images.c.os_hidden.type)]
    listed.append(images.c.status != Status.KILLED.value)
    visible = [each.value for each in branch.visibilities]
    listed.append(images.c.visibility == visible[0] if len(visible) == 1 else images.c.visibility.in_(visible))
    project = parameter("project", images.c.owner)
    if branch.whose == "own":
        listed.append(equals(shape.dialect, images.c.owner, project))
    if branch.whose == "shared":
        not_own = ~equals(shape.dialect, images.c.owner, project)
        listed += [or_(images.c.owner.is_(None), not_own), images.c.id.in_(_shared_ids(shape))]
    return listed


def _shared_ids(shape: Shape) -> Select[Any]:
    mine = equals(shape.dialect, members.c.member, parameter("project", members.c.member))
    shared = select(members.c.image_id).where(mine, members.c.deleted == false())
    if shape.any_member_status:
        return shared
    return shared.where(members.c.status == parameter("member_status", members.c.status))


def _filters(shape: Shape) -> list[ColumnElement[bool]]:
    dialect = shape.dialect
    conditions: list[ColumnElement[bool]] = []
    if shape.protected:
        conditions.append(images.c.protected == parameter("protected", images.c.protected))
    for place, (name, count) in enumerate(shape.texts):
        column = images.c[name]
        conditions.append(among(dialect, column, [parameter(f"text_{place}_{n}", column) for n in range(count)]))
    for place, (name, operator) in enumerate(shape.numbers):
        column = images.c[name]
        conditions.append(_compared(column, operator, parameter(f"number_{place}", column)))
    for place, (name, operator) in enumerate(shape.times):
        column = images.c[name]
        conditions.append(_compared(column, operator, parameter(f"time_{place}", column)))
    conditions += [_tagged(dialect, place) for place in range(shape.tags)]
    conditions += [_has_property(dialect, place) for place in range(shape.properties)]
    return conditions


def _compared(column: ColumnElement[Any], operator: str, value: ColumnElement[Any]) -> ColumnElement[bool]:
    match operator:
        case "gt":
            return column > value
        case "gte" | "min":
            return column >= value
        case "lt":
            return column < value
        case "lte" | "max":
            return column <= value
        case "neq":
            return column != value
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


def _order(shape: Shape, columns: Columns) -> list[ColumnElement[Any]]:
    """NULL counts as smaller than everything, as SQLite and MariaDB have it."""
    order: list[ColumnElement[Any]] = []
    for name, direction in shape.sort:
        column = _sorted_column(shape.dialect, name, columns[name])
        ascending = direction is Direction.ASC
        ordered = column.asc() if ascending else column.desc()
        if shape.dialect == "postgresql":
            ordered = ordered.nulls_first() if ascending else ordered.nulls_last()
        order.append(ordered)
    return order


def _after(shape: Shape) -> list[ColumnElement[bool]]:
    """What follows the marker: disjoint conditions, each a range of the first key that an index can be entered by."""
    first, ascending = images.c[shape.sort[0][0]], shape.sort[0][1] is Direction.ASC
    key = _sorted_column(shape.dialect, first.name, first)
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
