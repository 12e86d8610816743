"""Adding and removing one tag of an image."""

from msgspec.structs import replace

from intaglio.authz.engine import Caller
from intaglio.base.clock import utcnow
from intaglio.base.errors import NotFound
from intaglio.db.base import Connection
from intaglio.db.repos import images
from intaglio.domain.properties import require_counts, text
from intaglio.services.access import visible_image
from intaglio.services.guarded import guarded_write
from intaglio.services.parts import Parts


class TagNotFound(NotFound):
    """The image does not carry the tag."""

    code = "tag-not-found"


async def add(parts: Parts, caller: Caller, image_id: str, tag: str) -> None:
    """Give the image a tag; one it has already is left. Raises `InvalidValue`, `TooManyTags`, refusals."""
    text("tag", tag)

    async def work(conn: Connection) -> None:
        image, target = await visible_image(conn, parts.policy, caller, image_id)
        parts.policy.require("modify_image", caller, target)
        if tag in image.tags:
            return
        after = replace(image, tags=tuple(sorted((*image.tags, tag))), updated_at=utcnow())
        require_counts({}, after.tags, property_limit=-1, tag_limit=parts.limits.image_tag_quota)
        await images.update(conn, image, after)

    await guarded_write(parts, work)


async def remove(parts: Parts, caller: Caller, image_id: str, tag: str) -> None:
    """Take a tag from the image. Raises `TagNotFound`, refusals."""

    async def work(conn: Connection) -> None:
        image, target = await visible_image(conn, parts.policy, caller, image_id)
        parts.policy.require("modify_image", caller, target)
        if tag not in image.tags:
            raise TagNotFound(f"Image {image.id} has no tag '{tag[:80]}'.")
        after = replace(image, tags=tuple(other for other in image.tags if other != tag), updated_at=utcnow())
        await images.update(conn, image, after)

    await guarded_write(parts, work)
