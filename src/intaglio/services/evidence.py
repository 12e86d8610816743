"""Showing what signatures were verified on an image's way in, beside its own."""

from intaglio.authz.engine import Caller
from intaglio.db.base import Connection
from intaglio.db.repos import evidence
from intaglio.db.repos.evidence import Recorded
from intaglio.services.access import visible_image
from intaglio.services.parts import Parts


async def show(parts: Parts, caller: Caller, image_id: str) -> list[Recorded]:
    """All that counts for the image's data, which may be nothing. Raises `ImageNotFound`, refusals."""

    async def work(conn: Connection) -> list[Recorded]:
        image, target = await visible_image(conn, parts.policy, caller, image_id)
        parts.policy.require("intaglio:get_evidence", caller, target)
        return [] if image.os_hash_value is None else await evidence.of_image(conn, image.id, image.os_hash_value)

    return await parts.database.read(work)
