"""The statements of the image list, built once for each shape of a query.

Each branch of what the viewer sees is walked along an index in the order asked for, from the marker on, and no further
than the page needs.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Integer,
    Select,
    Subquery,
    and_,
    bindparam,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy import column as sql_column
from sqlalchemy.sql.expression import Label

from intaglio.db.repos.dialects import parameter
from intaglio.db.repos.image_conditions import LIMIT, ROWS, Columns, after, filters, order, seen, until
from intaglio.db.repos.image_rows import image_columns
from intaglio.db.repos.image_shapes import Branch, Shape, Sieve
from intaglio.db.repos.image_sieves import chosen, probe, rank
from intaglio.db.tables.images import images

MANY = 5000
"""More images than these are not counted, and rather tested one by one than sorted."""

# the names of the indexes, by what they are entered by and what they are in order of
_GROUPS = {"anyone": "visibility", "own": "owner"}
_SORTS = {
    "created_at": "created",
    "updated_at": "updated",
    **{name: name for name in ("name", "status", "size", "disk_format", "container_format", "id")},
}


@lru_cache(maxsize=512)
def page_statement(shape: Shape) -> Select[Any]:
    """The images of a page, complete, in order. In the stage "bounded" the edges of walks are among them.

    The first column is 1 where it is an edge.
    """
    chosen = _chosen(shape)
    whole = select(chosen.c.edge, *image_columns(shape.dialect))
    joined = whole.select_from(chosen.join(images, images.c.id == chosen.c.id))
    return joined.order_by(*order(shape, chosen.c), chosen.c.edge.desc())


@lru_cache(maxsize=512)
def edges_statement(shape: Shape) -> CompoundSelect[Any] | Select[Any] | None:
    """For each walk that is longer than `width`, its number and the keys of the image where it is to be cut off."""
    found: list[Select[Any]] = []
    for number, (branch, walk) in enumerate(walks(shape)):
        if branch.whose == "shared":  # which are sorted anyway
            continue
        cut = walk.order_by(*order(shape, images.c)).limit(1).offset(bindparam("width", type_=Integer()))
        edge = cut.subquery(f"edge_{number}")
        found.append(select(literal(number, Integer, literal_execute=True), *edge.c))
    return union_all(*found) if len(found) > 1 else found[0] if found else None


@lru_cache(maxsize=512)
def counts_statement(dialect: str, sieves: tuple[Sieve, ...]) -> CompoundSelect[Any] | Select[Any]:
    """For each sieve its number and how many images pass, `MANY` + 1 at most."""
    limited = [probe(dialect, sieve).limit(MANY + 1).subquery(f"probe_{n}") for n, sieve in enumerate(sieves)]
    counted: list[Any] = [
        select(literal(n, Integer, literal_execute=True), func.count()).select_from(each)
        for n, each in enumerate(limited)
    ]
    return union_all(*counted) if len(counted) > 1 else counted[0]


def walks(shape: Shape) -> Iterator[tuple[Branch, Select[Any]]]:
    """Each branch after the marker: in one walk, or in two where the first key goes through its NULLs as well.

    Without the filters, and without what limits them.
    """
    for branch in shape.branches:
        walk = _hinted(shape, branch, select(*_keys(shape)).where(*seen(shape, branch)))
        for condition in (None,) if shape.marker is None else after(shape, branch):
            yield branch, walk if condition is None else walk.where(condition)


def is_served(shape: Shape) -> bool:
    """Whether an index has the images in this order, or nearly."""
    (first, direction), *rest = shape.sort
    if first in {"status", "disk_format", "container_format"}:  # these have few values, and so long ties
        return rest == [("created_at", direction), ("id", direction)]
    return True


def _keys(shape: Shape) -> list[ColumnElement[Any]]:
    return [images.c[column] for column, _ in shape.sort]


def _edge(value: int) -> Label[int]:
    return literal(value, Integer, literal_execute=True).label("edge")


def _chosen(shape: Shape) -> Subquery:
    """The ids of the page, with what they are sorted by."""
    if shape.stage == "few":
        few = _few(shape)
        return _first(shape, few, few.selected_columns).subquery("chosen")
    arms = [_until_edge(shape, number, walk) for number, (_, walk) in enumerate(walks(shape))]
    cut = [_edge_itself(shape, number) for number, known in enumerate(shape.edges) if known is not None]
    if len(arms) == 1 and not cut:
        return _first(shape, arms[0], images.c).subquery("chosen")
    if shape.dialect == "sqlite":
        # SQLite merges the walks as it goes and takes from each only what the page needs.
        names: dict[str, ColumnElement[Any]] = {name: sql_column(name) for name, _ in shape.sort}
        return union_all(*arms, *cut).order_by(*order(shape, names)).limit(ROWS).subquery("chosen")
    limited = [_first(shape, arm, images.c).subquery(f"walk_{number}") for number, arm in enumerate(arms)]
    merged = union_all(*(select(*arm.c) for arm in limited), *cut).subquery("walks")
    return select(*merged.c).order_by(*order(shape, merged.c)).limit(ROWS).subquery("chosen")


def _first(shape: Shape, walk: Select[Any], columns: Columns) -> Select[Any]:
    return walk.order_by(*order(shape, columns)).limit(LIMIT)


def _until_edge(shape: Shape, number: int, walk: Select[Any]) -> Select[Any]:
    walk = walk.where(*filters(shape)).add_columns(_edge(0))
    known = shape.edges[number] if number < len(shape.edges) else None
    return walk if known is None else walk.where(until(shape, number, known))


def _edge_itself(shape: Shape, number: int) -> Select[Any]:
    key = len(shape.sort) - 1  # the last one is always the id
    return select(*_keys(shape), _edge(1)).where(images.c.id == parameter(f"edge_{number}_{key}", images.c.id))


def _few(shape: Shape) -> Select[Any]:
    """All branches at once, for images that are few enough to be sorted."""
    columns = [*_keys(shape), _edge(0)]
    behind = None if shape.marker is None else or_(*after(shape, None))
    if shape.ranks:
        place = rank(shape.dialect, shape.sieves[-1], shape.ranks)
        columns.append(place.label("place"))
        marked = bindparam("marker_rank", type_=Integer())
        behind = None if behind is None else or_(place > marked, and_(place == marked, behind))
    return led(shape, columns, () if behind is None else (behind,))


def led(shape: Shape, columns: Sequence[ColumnElement[Any]], conditions: Sequence[ColumnElement[bool]]) -> Select[Any]:
    """The images that pass, by their ids from the set of the leader: no database is left another way."""
    branches = or_(*(and_(*seen(shape, branch)) for branch in shape.branches))
    image = select(*columns).where(*filters(shape), branches, *conditions)
    if shape.leader is None:
        return image
    if shape.dialect == "sqlite":
        return image.where(images.c.id.in_(chosen(shape.dialect, shape.leader)))
    lead = chosen(shape.dialect, shape.leader).distinct().subquery("lead")
    (lead_id,) = lead.c
    if shape.dialect == "postgresql":
        one = image.where(images.c.id == lead_id).offset(literal_column("0")).lateral("one")
        return select(*one.c).select_from(lead.join(one, true()))
    in_order = image.select_from(lead.join(images, images.c.id == lead_id)).prefix_with("STRAIGHT_JOIN")
    return in_order.with_hint(images, "FORCE INDEX (PRIMARY)", "mysql")


def _hinted(shape: Shape, branch: Branch, walk: Select[Any]) -> Select[Any]:
    """MariaDB rather sorts a hundred thousand rows than walk an index that it thinks the filters will make it leave."""
    group, sort = _GROUPS.get(branch.whose), _SORTS.get(shape.sort[0][0])
    if group is None:
        return walk.with_hint(images, "FORCE INDEX (PRIMARY)", "mysql")
    if sort is None:
        return walk
    return walk.with_hint(images, f"FORCE INDEX (intaglio_images_{group}_{sort})", "mysql")
