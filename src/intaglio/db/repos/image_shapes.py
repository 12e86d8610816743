"""The list query taken apart: its shape, which a statement is built for once, and its values.

What a viewer may see is a union of few *branches* (public ones, own ones, …) that do not overlap. A *sieve* is one
condition beside that; what concerns one column is one.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Literal

import msgspec

from intaglio.domain.image import Visibility
from intaglio.domain.query import Direction, ImageQuery, NumberFilter, TimeFilter

_P, _C, _S, _V = Visibility.PUBLIC, Visibility.COMMUNITY, Visibility.SHARED, Visibility.PRIVATE


class Branch(msgspec.Struct, frozen=True):
    """One part of what a viewer sees: images of some visibilities, all of them, one's own, or shared with one."""

    visibilities: tuple[Visibility, ...]
    whose: Literal["anyone", "own", "shared"] = "anyone"


class Sieve(msgspec.Struct, frozen=True):
    """Everything about one condition but its values: `places` number their parameters, with how each compares."""

    kind: Literal["text", "number", "time", "protected", "tag", "property", "words"]
    name: str = ""  # of the column
    places: tuple[tuple[int, str], ...] = ()
    count: int = 0  # of the texts, any of which will do; of the phrases, all of which must be there
    marks: int = 0  # for words: of the fields that may have them
    better: int = 0  # and of those fields that may not have them all, for they make a better rank


Stage = Literal["walk", "bounded", "sweep", "few"]


class Shape(msgspec.Struct, frozen=True):
    """Everything about a query but its values."""

    dialect: str
    branches: tuple[Branch, ...]
    sort: tuple[tuple[str, Direction], ...]
    marker: tuple[bool, ...] | None  # for each sort key, whether the marker has a value there
    any_member_status: bool
    sieves: tuple[Sieve, ...]
    stage: Stage = "walk"
    leader: Sieve | None = None  # the one that leaves few images
    edges: tuple[tuple[bool, ...] | None, ...] = ()  # for each walk that ends early, as for the marker
    ranks: tuple[int, ...] = ()  # sort by rank first; each is a number of marks, as of a sieve


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


def sieves_of(query: ImageQuery) -> tuple[Sieve, ...]:
    """The conditions of a query, but for its phrases."""
    found = [Sieve("text", name, ((place, "eq"),), count=len(texts)) for place, (name, texts) in enumerate(query.texts)]
    found += [Sieve("number", *each) for each in _by_column(query.numbers)]
    found += [Sieve("time", *each) for each in _by_column(query.times)]
    if query.protected is not None:
        found.append(Sieve("protected"))
    found += [Sieve("tag", places=((place, "eq"),)) for place, _ in enumerate(query.tags)]
    found += [Sieve("property", places=((place, "eq"),)) for place, _ in enumerate(query.properties)]
    return tuple(found)


def _by_column(
    filters: Sequence[NumberFilter | TimeFilter],
) -> Iterable[tuple[str, tuple[tuple[int, str], ...]]]:
    places: dict[str, list[tuple[int, str]]] = {}
    for place, each in enumerate(filters):
        places.setdefault(each.column, []).append((place, each.operator))
    return ((column, tuple(found)) for column, found in places.items())


def shape_of(dialect: str, query: ImageQuery, marker: tuple[Any, ...] | None, words: Sieve | None = None) -> Shape:
    """The shape of a query whose marker has these values of the sort keys."""
    return Shape(
        dialect=dialect,
        branches=branches(query),
        sort=sort_of(query),
        marker=None if marker is None else tuple(value is not None for value in marker),
        any_member_status=query.member_status == "all",
        sieves=sieves_of(query) if words is None else (*sieves_of(query), words),
    )


def values_of(query: ImageQuery, marker: tuple[Any, ...] | None) -> dict[str, Any]:
    """The parameters of the statements for `shape_of`; those a statement has no use for do no harm."""
    values: dict[str, Any] = {
        "limit": query.limit,
        "rows": query.limit,
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
