"""The list query taken apart: its shape, which a statement is built for once, and its values.

What a viewer may see is a union of few *branches* (public ones, own ones, …) that do not overlap.
"""

from datetime import timedelta
from typing import Any, Literal

import msgspec

from intaglio.domain.image import Visibility
from intaglio.domain.query import Direction, ImageQuery

_P, _C, _S, _V = Visibility.PUBLIC, Visibility.COMMUNITY, Visibility.SHARED, Visibility.PRIVATE


class Branch(msgspec.Struct, frozen=True):
    """One part of what a viewer sees: images of some visibilities, all of them, one's own, or shared with one."""

    visibilities: tuple[Visibility, ...]
    whose: Literal["anyone", "own", "shared"] = "anyone"


class Shape(msgspec.Struct, frozen=True):
    """Everything about a query but its values."""

    dialect: str
    branches: tuple[Branch, ...]
    few: bool  # the filters leave but the images `ids`
    sort: tuple[tuple[str, Direction], ...]
    marker: tuple[bool, ...] | None  # for each sort key, whether the marker has a value there
    any_member_status: bool
    protected: bool
    texts: tuple[tuple[str, int], ...]
    numbers: tuple[tuple[str, str], ...]
    times: tuple[tuple[str, str], ...]
    tags: int
    properties: int


def branches(query: ImageQuery) -> tuple[Branch, ...]:
    """The disjoint parts whose union the viewer sees (Images API v2, "Visibility" and "List images")."""
    viewer, wanted = query.viewer, query.visibility
    if viewer.is_admin:
        return _all_of(wanted, viewer.project_id)
    if wanted is _P or wanted is _C:
        return (Branch((wanted,)),)
    for_all = {None: (Branch((_P,)),), "all": (Branch((_P,)), Branch((_C,)))}.get(wanted, ())
    if viewer.project_id is None:
        return for_all
    own = {None: (_V, _S, _C), "all": (_V, _S)}.get(wanted) or (Visibility(str(wanted)),)
    shared = () if wanted is _V else (Branch((_S,), "shared"),)
    return (*for_all, Branch(own, "own"), *shared)


def _all_of(wanted: Visibility | Literal["all"] | None, project_id: str | None) -> tuple[Branch, ...]:
    if isinstance(wanted, Visibility):
        return (Branch((wanted,)),)
    uncommon = tuple(Branch((each,)) for each in (_P, _V, _S))
    if wanted == "all":
        return (*uncommon, Branch((_C,)))
    return uncommon if project_id is None else (*uncommon, Branch((_C,), "own"))


def sort_of(query: ImageQuery) -> tuple[tuple[str, Direction], ...]:
    """The order with each key once and nothing after the unique one."""
    keys: dict[str, Direction] = {}
    for column, direction in query.sort:
        keys.setdefault(column, direction)
        if column == "id":
            break
    keys.setdefault("id", Direction.DESC)
    return tuple(keys.items())


def shape_of(dialect: str, query: ImageQuery, marker: tuple[Any, ...] | None, *, few: bool) -> Shape:
    """The shape of a query whose marker has these values of the sort keys."""
    return Shape(
        dialect=dialect,
        branches=branches(query),
        few=few,
        sort=sort_of(query),
        marker=None if marker is None else tuple(value is not None for value in marker),
        any_member_status=query.member_status == "all",
        protected=query.protected is not None,
        texts=tuple((column, len(values)) for column, values in query.texts),
        numbers=tuple((each.column, each.operator) for each in query.numbers),
        times=tuple((each.column, each.operator) for each in query.times),
        tags=len(query.tags),
        properties=len(query.properties),
    )


def values_of(query: ImageQuery, marker: tuple[Any, ...] | None) -> dict[str, Any]:
    """The parameters of the statements for `shape_of`; those a statement has no use for do no harm."""
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
    values |= {f"time_{place}_end": each.moment + timedelta(seconds=1) for place, each in enumerate(query.times)}
    values |= {f"tag_{place}": tag for place, tag in enumerate(query.tags)}
    for place, (name, value) in enumerate(query.properties):
        values |= {f"property_{place}": name, f"value_{place}": value}
    return values
