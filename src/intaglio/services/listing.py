"""Finding images: pages of the list, by filters and by free text, and counts of what is in it.

Everything here is decided on what the caller sees, and on which properties the caller may read: one that is not
readable is, to filters, search and counts, as if no image had it.
"""

from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from intaglio.authz.engine import Caller
from intaglio.base.errors import Invalid
from intaglio.db.base import Connection
from intaglio.db.repos import image_facets, images, property_names
from intaglio.domain.facets import Facet, Facets, Kind, count_images
from intaglio.domain.image import Image
from intaglio.domain.query import ImageQuery
from intaglio.services.access import ImageNotFound, visible_image
from intaglio.services.listable import list_outlook, listable
from intaglio.services.parts import Parts
from intaglio.services.search_index import catch_up_recent

Readable = Callable[[str], bool]
"""Whether the caller may read the property of that name."""

SEARCHED_PROPERTIES = 200
"""Of a caller who may not read every property, this many are searched: by name, in order."""

PAGE, COUNTED = 1000, 20_000
"""Images read at a time, and at most, where the policy decides about each that is to be counted."""


class MarkerNotFound(Invalid):
    """The marker names no image that the caller may see."""

    code = "marker-not-found"


class TooManyToCount(Invalid):
    """The operator's policy looks at every image, and the list has too many to be counted one by one."""

    code = "too-many-to-count"


async def page(parts: Parts, caller: Caller, query: ImageQuery) -> Sequence[Image]:
    """One page of the list, each image as the caller may read it. Raises `MarkerNotFound`, `PolicyRefused`."""
    access = parts.protection.access(caller)
    await _prepare(parts, caller, query)

    async def work(conn: Connection) -> tuple[ImageQuery, Sequence[Image]]:
        if query.marker is not None:
            await _require_marker(conn, parts, caller, query.marker)
        allowed = await _allowed(conn, query, access.readable)
        return (query, ()) if allowed is None else (allowed, await images.page(conn, allowed))

    allowed, found = await parts.database.read(work)
    return access.shown_all(await listable(parts, caller, allowed, found))


async def facets(parts: Parts, caller: Caller, query: ImageQuery, wanted: Sequence[Facet]) -> Facets:
    """How many images the list has, and how many with each value of what is `wanted`; `query.limit` values each.

    Raises `PolicyRefused`, `TooManyToCount`.
    """
    readable = parts.protection.access(caller).readable
    await _prepare(parts, caller, query)
    shown = [each for each in wanted if each.kind is not Kind.PROPERTY or readable is None or readable(each.name)]
    outlook = list_outlook(parts.policy, caller)
    if outlook is None:
        return count_images(await _one_by_one(parts, caller, query), shown, query.limit).of(wanted)

    async def work(conn: Connection) -> Facets:
        allowed = await _allowed(conn, query, readable)
        return await image_facets.count(conn, allowed, shown) if allowed is not None else Facets.none()

    return (await parts.database.survey(work) if outlook else Facets.none()).of(wanted)


async def _one_by_one(parts: Parts, caller: Caller, query: ImageQuery) -> list[Image]:
    """All images of a list, where the operator's rules look at each of them."""
    found: list[Image] = []
    rest = replace(query, limit=PAGE, ranked=False)
    while len(found) <= COUNTED:
        some = await page(parts, caller, rest)
        found += some
        if len(some) < PAGE:
            return found
        rest = replace(rest, marker=some[-1].id)
    raise TooManyToCount(
        f"The policy decides about each image; over {COUNTED} are not counted so. Narrow the list with filters."
    )


async def _prepare(parts: Parts, caller: Caller, query: ImageQuery) -> None:
    parts.policy.require("get_images", caller, {"project_id": caller.principal.project_id or ""})
    if query.phrases:
        await catch_up_recent(parts)


async def _require_marker(conn: Connection, parts: Parts, caller: Caller, marker: str) -> None:
    try:
        await visible_image(conn, parts.policy, caller, marker)
    except ImageNotFound:
        raise MarkerNotFound(f"The marker {marker[:80]} names no image; use the id of the last image seen.") from None


async def _allowed(conn: Connection, query: ImageQuery, readable: Readable | None) -> ImageQuery | None:
    """The query with nothing in it that the caller may not read; None when no image can then be in its list."""
    if readable is None:
        return query
    if not all(readable(name) for name, _ in query.properties):
        return None
    if not query.phrases:
        return query
    return replace(query, readable=_first(await property_names.all_of(conn), readable))


def _first(names: Iterable[str], readable: Readable) -> tuple[str, ...]:
    return tuple([name for name in {"description": None, **dict.fromkeys(names)} if readable(name)])[
        :SEARCHED_PROPERTIES
    ]
