"""Of a page of images, those that the rule `get_image` lets the caller see; the page is filled up again with others.

The query itself holds what the default rule says, so with it nothing is left out, and no image is asked about. A rule
of the operator's own that looks at an image's properties can hide some of what the query found.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from intaglio.authz.engine import Caller, ImageTarget, PolicyEngine
from intaglio.db.base import Connection
from intaglio.db.repos import images
from intaglio.domain.image import Image, Visibility
from intaglio.domain.query import ImageQuery
from intaglio.services.parts import Parts

_AT_ONCE = 1000  # images read to fill a page up, at most, before others get their turn


async def listable(parts: Parts, caller: Caller, query: ImageQuery, found: Sequence[Image]) -> Sequence[Image]:
    """The page of `query` without what `get_image` hides. `found` is what the query answers."""
    outlook = list_outlook(parts.policy, caller) if found else True
    if outlook is not None:
        return found if outlook else ()
    kept = await _allowed(parts, caller, found)
    asked = query.limit
    while len(kept) < query.limit and len(found) == asked:
        asked = min(2 * asked, max(_AT_ONCE, query.limit))
        found = await _more(parts, replace(query, marker=found[-1].id, limit=asked))
        kept += await _allowed(parts, caller, found)
    return kept[: query.limit]


def list_outlook(policy: PolicyEngine, caller: Caller) -> bool | None:
    """Whether `get_image` shows all that a list can hold (True), none of it (False), or has to be asked of each (None).

    A list holds what is the project's own, what is shared with it, and public and community images; an administrator's
    can hold any.
    """
    principal = caller.principal
    if principal.is_admin:
        return policy.outlook("get_image", caller)
    project = principal.project_id
    kinds = [{"visibility": Visibility.PUBLIC.value}, {"visibility": Visibility.COMMUNITY.value}]
    if project is not None:
        kinds += [{"project_id": project, "owner": project}]
        kinds += [{"visibility": Visibility.SHARED.value, "member_id": project}]
    return policy.outlook("get_image", caller, kinds)


async def _more(parts: Parts, query: ImageQuery) -> Sequence[Image]:
    async def work(conn: Connection) -> Sequence[Image]:
        return await images.page(conn, query)

    return await parts.database.read(work)


async def _allowed(parts: Parts, caller: Caller, found: Sequence[Image]) -> list[Image]:
    members = await _memberships(parts, caller, found)
    project = caller.principal.project_id
    return [
        image
        for image in found
        if parts.policy.allows(
            "get_image", caller, ImageTarget(image, member_id=project if image.id in members else None)
        )
    ]


async def _memberships(parts: Parts, caller: Caller, found: Sequence[Image]) -> frozenset[str]:
    """The images that the caller's project sees as a member. Only administrators see others' shared images besides."""
    project = caller.principal.project_id
    shared = frozenset(image.id for image in found if image.visibility == Visibility.SHARED and image.owner != project)
    if not shared or not caller.principal.is_admin or project is None:
        return shared

    async def work(conn: Connection) -> frozenset[str]:
        return await images.shared_with(conn, shared, project)

    return await parts.database.read(work)
