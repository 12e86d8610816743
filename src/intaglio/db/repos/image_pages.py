"""Pages of the image list: a statement for the marker, one for filters, one for the page, whatever the catalogue holds.

Each branch of what the viewer sees is walked along an index in the order asked for, from the marker on, and no further
than the page needs; so a page costs what it returns, whoever looks. See docs/adr/0004 for the indexes.
"""

from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, and_, or_, select, union_all
from sqlalchemy import column as sql_column

from intaglio.base.errors import Invalid
from intaglio.db.base import Connection
from intaglio.db.repos.image_candidates import candidates
from intaglio.db.repos.image_conditions import LIMIT, Columns, after, filters, order, seen
from intaglio.db.repos.image_rows import image_columns, to_image
from intaglio.db.repos.image_shapes import Branch, Shape, shape_of, sort_of, values_of
from intaglio.db.tables.images import images
from intaglio.domain.image import Image
from intaglio.domain.query import ImageQuery

# the names of the indexes, by what they are entered by and what they are in order of
_GROUPS = {"anyone": "visibility", "own": "owner"}
_SORTS = {"created_at": "created", "updated_at": "updated", "name": "name"}


class MarkerUnknown(Invalid):
    """The image a page should start after does not exist."""

    code = "marker-unknown"


async def page(conn: Connection, query: ImageQuery) -> list[Image]:
    """The images of one page, complete, in order; never deleted or killed ones, never what the viewer may not list.

    Raises `MarkerUnknown` when the marker was never an image; one deleted meanwhile still marks its place.
    """
    if query.limit <= 0:
        return []
    marker = await _marker(conn, query) if query.marker is not None else None
    values = values_of(query, marker)
    ids = await candidates(conn, query, values)
    shape = shape_of(conn.dialect, query, marker, few=ids is not None)
    if not shape.branches or ids == []:
        return []
    rows = (await conn.execute(statement(shape), {**values, "ids": ids})).all()
    return [to_image(row) for row in rows]


async def _marker(conn: Connection, query: ImageQuery) -> tuple[Any, ...]:
    keys = [images.c[column] for column, _ in sort_of(query)]
    row = (await conn.execute(select(*keys).where(images.c.id == query.marker))).first()
    if row is None:
        raise MarkerUnknown("The marker is not the id of an image.")
    return tuple(row)


@lru_cache(maxsize=512)
def statement(shape: Shape) -> Select[Any]:
    """The statement for all queries of this shape."""
    chosen = _chosen(shape)
    full = select(*image_columns(shape.dialect)).select_from(chosen.join(images, images.c.id == chosen.c.id))
    return full.order_by(*order(shape, chosen.c))


def _chosen(shape: Shape) -> Subquery:
    """The ids of the page, with what they are sorted by."""
    walks = [_few(shape)] if shape.few else [walk for branch in shape.branches for walk in _walks(shape, branch)]
    if len(walks) == 1:
        return _first(shape, walks[0], images.c).subquery("chosen")
    if shape.dialect == "sqlite":
        # SQLite merges the walks as it goes and takes from each only what the page needs.
        names: dict[str, ColumnElement[Any]] = {name: sql_column(name) for name, _ in shape.sort}
        return union_all(*walks).order_by(*order(shape, names)).limit(LIMIT).subquery("chosen")
    arms = [_first(shape, walk, images.c).subquery(f"walk_{number}") for number, walk in enumerate(walks)]
    merged = union_all(*(select(*arm.c) for arm in arms)).subquery("walks")
    return _first(shape, select(*merged.c), merged.c).subquery("chosen")


def _first(shape: Shape, walk: Select[Any], columns: Columns) -> Select[Any]:
    return walk.order_by(*order(shape, columns)).limit(LIMIT)


def _keys(shape: Shape) -> Select[Any]:
    return select(*(images.c[column] for column, _ in shape.sort)).where(*filters(shape))


def _walks(shape: Shape, branch: Branch) -> list[Select[Any]]:
    """A branch after the marker: one walk, or two where the first key goes through its NULLs as well."""
    walk = _hinted(shape, branch, _keys(shape).where(*seen(shape, branch)))
    return [walk] if shape.marker is None else [walk.where(condition) for condition in after(shape, branch)]


def _hinted(shape: Shape, branch: Branch, walk: Select[Any]) -> Select[Any]:
    """MariaDB rather sorts a hundred thousand rows than walk an index that it thinks the filters will make it leave."""
    group, sort = _GROUPS.get(branch.whose), _SORTS.get(shape.sort[0][0])
    if group is None:
        return walk.with_hint(images, "FORCE INDEX (PRIMARY)", "mysql")
    if sort is None:
        return walk
    return walk.with_hint(images, f"FORCE INDEX (intaglio_images_{group}_{sort})", "mysql")


def _few(shape: Shape) -> Select[Any]:
    """All branches at once, for images that are few enough to be sorted."""
    walk = _keys(shape).where(or_(*(and_(*seen(shape, branch)) for branch in shape.branches)))
    return walk if shape.marker is None else walk.where(or_(*after(shape, None)))
