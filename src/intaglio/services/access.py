"""May this caller know of this image, and do this to it? Everything else asks here first.

What a caller may not see is answered exactly as what does not exist.
"""

from intaglio.authz.engine import Caller, ImageTarget, PolicyEngine
from intaglio.base.errors import NotFound
from intaglio.db.base import Connection
from intaglio.db.repos import images
from intaglio.domain.image import Image, Visibility
from intaglio.domain.properties import InvalidValue, image_id


class ImageNotFound(NotFound):
    """No image has this id, or the caller may not see it."""

    code = "image-not-found"


async def visible_image(
    conn: Connection, policy: PolicyEngine, caller: Caller, wanted: str
) -> tuple[Image, ImageTarget]:
    """The image `wanted`, and it as a policy target. Raises `ImageNotFound` unless `caller` may see it."""
    try:
        image_id(wanted)
        image = await images.get(conn, wanted)  # as written: Glance has stored ids in any case
    except InvalidValue:
        image = None
    if image is None:
        raise _not_found(wanted)
    member_id = await membership(conn, caller, image)
    target = ImageTarget(image, member_id=member_id)
    if not shown_to(caller, image, member_id):
        policy.hidden(caller, f"image {image.id} ({image.visibility}, of {image.owner})")
        raise _not_found(wanted)
    if not policy.allows("get_image", caller, target):
        raise _not_found(wanted, policy.refused("get_image", caller, target))
    return image, target


def _not_found(wanted: str, told: str = "") -> ImageNotFound:
    why = f" There is one, but the policy 'get_image' hides it.{told}" if told else ""
    return ImageNotFound(f"No image has the id {wanted[:80]}.{why}")


async def membership(conn: Connection, caller: Caller, image: Image) -> str | None:
    """The caller's project when the image is shared with it, otherwise None."""
    project = caller.principal.project_id
    if image.visibility != Visibility.SHARED or project is None or project == image.owner:
        return None
    return project if await images.is_member(conn, image.id, project) else None


def shown_to(caller: Caller, image: Image, member_id: str | None) -> bool:
    """Whether the image is one the caller may know of, before any rule is asked."""
    principal = caller.principal
    return (
        principal.is_admin
        or image.visibility in {Visibility.PUBLIC, Visibility.COMMUNITY}
        or (image.owner is not None and image.owner == principal.project_id)
        or member_id is not None
    )
