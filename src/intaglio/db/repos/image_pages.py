"""Pages of the image list: the same few statements whatever the catalogue holds, and whoever looks.

A page costs what it returns. How its images are found depends on how many pass the filters, which is counted first, as
far as it matters: few are sorted; of many the first ones are found by walking all in order; and where that does not
find enough soon, for those seen are not those that pass, all that pass are collected. See docs/adr/0004.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace
from sqlalchemy import select

from intaglio.base.errors import Invalid
from intaglio.db.base import Connection
from intaglio.db.repos.image_rows import to_image
from intaglio.db.repos.image_shapes import Shape, Sieve, shape_of, sort_of, values_of
from intaglio.db.repos.image_statements import MANY, counts_statement, edges_statement, is_served, page_statement
from intaglio.db.repos.search_terms import Terms, terms_of
from intaglio.db.tables.added import search
from intaglio.db.tables.images import images
from intaglio.domain.image import Image
from intaglio.domain.query import ImageQuery

FEW = 300
"""Images that are sorted without looking for another way."""

WIDTHS = 200, 1000
"""Images of a branch that are tested before another way is taken: when that is to sort few, and when it is worse."""


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
    if not query.phrases:
        return await _found(conn, shape_of(conn.dialect, query, marker), values)
    terms = terms_of(conn.dialect, query)
    values = {**values, **terms.values}
    shape = shape_of(conn.dialect, query, marker, terms.anywhere)
    return await (_by_rank(conn, query, shape, terms, values) if query.ranked else _found(conn, shape, values))


async def shape_for(conn: Connection, query: ImageQuery) -> tuple[Shape | None, dict[str, Any]]:
    """The shape that suits a statement about all images of a list, and its values; None when there are none."""
    values = values_of(query, None)
    shape = shape_of(conn.dialect, query, None)
    if query.phrases:
        terms = terms_of(conn.dialect, query)
        shape, values = shape_of(conn.dialect, query, None, terms.anywhere), {**values, **terms.values}
    if not shape.branches:
        return None, values
    if not shape.sieves:
        return shape, values
    count, leader = await _fewest(conn, shape, values)
    return (_whole(shape, count, leader) if count else None), values


async def _marker(conn: Connection, query: ImageQuery) -> tuple[Any, ...]:
    keys = [images.c[column] for column, _ in sort_of(query)]
    row = (await conn.execute(select(*keys).where(images.c.id == query.marker))).first()
    if row is None:
        raise MarkerUnknown("The marker is not the id of an image.")
    return tuple(row)


async def _by_rank(
    conn: Connection, query: ImageQuery, shape: Shape, terms: Terms, values: dict[str, Any]
) -> list[Image]:
    """Few images are sorted by rank; of many, each rank is a list of its own, the marker's from the marker on."""
    if not shape.branches:
        return []
    rank = await _rank_of_marker(conn, query, terms) if shape.marker is not None else 0
    count, leader = await _fewest(conn, shape, values)
    if count <= MANY:
        ranked = replace(_whole(shape, count, leader), ranks=terms.ranks)
        return (await _images(conn, ranked, {**values, "marker_rank": rank}) or []) if count else []
    found: list[Image] = []
    for sieve in terms.by_rank[rank:]:
        this = replace(shape, sieves=(*shape.sieves[:-1], sieve))
        found += await _found(conn, this, {**values, "limit": query.limit - len(found)})
        if len(found) == query.limit:
            break
        shape = replace(shape, marker=None)
    return found


async def _rank_of_marker(conn: Connection, query: ImageQuery, terms: Terms) -> int:
    words = (await conn.execute(select(search.c.words).where(search.c.image_id == query.marker))).scalar()
    return terms.rank(words)


async def _found(conn: Connection, shape: Shape, values: dict[str, Any]) -> list[Image]:
    if not shape.branches:
        return []
    if not shape.sieves:
        return await _images(conn, shape, values) or []
    count, leader = await _fewest(conn, shape, values)
    found = None
    if count > FEW and is_served(shape):
        found = await _soon(conn, shape, {**values, "width": WIDTHS[count > MANY]})
    if found is None and count:
        found = await _images(conn, _whole(shape, count, leader), values)
    return found or []


def _whole(shape: Shape, count: int, leader: Sieve) -> Shape:
    """The shape that looks at all that pass."""
    return replace(shape, stage="sweep") if count > MANY else replace(shape, stage="few", leader=leader)


async def _fewest(conn: Connection, shape: Shape, values: Mapping[str, Any]) -> tuple[int, Sieve]:
    """The sieve that the fewest images pass, and how many that are, if not very many."""
    statement = counts_statement(shape.dialect, shape.sieves)
    rows: Sequence[Any] = (await conn.execute(statement, values)).all()
    return min(((count, shape.sieves[number]) for number, count in rows), key=lambda each: each[0])


async def _soon(conn: Connection, shape: Shape, values: Mapping[str, Any]) -> list[Image] | None:
    """The page by walking, each branch up to its edge; None when what lies behind an edge may belong to it."""
    statement = edges_statement(shape)
    rows: Sequence[Any] = (await conn.execute(statement, values)).all() if statement is not None else ()
    keys = {number: tuple(row) for number, *row in rows}
    known = [
        tuple(value is not None for value in keys[number]) if number in keys else None
        for number in range(max(keys, default=-1) + 1)
    ]
    edges = {f"edge_{number}_{n}": value for number, row in keys.items() for n, value in enumerate(row)}
    return await _images(conn, replace(shape, stage="bounded", edges=tuple(known)), {**values, **edges})


async def _images(conn: Connection, shape: Shape, values: Mapping[str, Any]) -> list[Image] | None:
    values = {**values, "rows": values["limit"] + sum(known is not None for known in shape.edges)}
    rows: Sequence[Any] = (await conn.execute(page_statement(shape), values)).all()
    found: list[Image] = []
    for edge, *row in rows:
        if len(found) == values["limit"]:
            break
        if edge:
            return None
        found.append(to_image(row, conn.urls))
    return found
