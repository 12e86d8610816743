"""Deactivating and reactivating: taking an image out of use without touching its data."""

from intaglio.authz.engine import Caller
from intaglio.base.errors import Forbidden
from intaglio.db.base import Connection
from intaglio.db.repos import images
from intaglio.domain.status import Status
from intaglio.services.access import visible_image
from intaglio.services.guarded import guarded_write
from intaglio.services.parts import Parts


class NotInUse(Forbidden):
    """Only an image that is active or deactivated is switched between the two."""

    code = "image-not-in-use"


async def deactivate(parts: Parts, caller: Caller, image_id: str) -> None:
    """Make an active image deactivated; one that is so already is left. Raises `NotInUse`, refusals."""
    await _switch(parts, caller, image_id, rule="deactivate", start=Status.ACTIVE, end=Status.DEACTIVATED)


async def reactivate(parts: Parts, caller: Caller, image_id: str) -> None:
    """Make a deactivated image active; one that is so already is left. Raises `NotInUse`, refusals."""
    await _switch(parts, caller, image_id, rule="reactivate", start=Status.DEACTIVATED, end=Status.ACTIVE)


async def _switch(parts: Parts, caller: Caller, image_id: str, *, rule: str, start: Status, end: Status) -> None:
    async def work(conn: Connection) -> None:
        image, target = await visible_image(conn, parts.policy, caller, image_id)
        parts.policy.require(rule, caller, target)
        if image.status == end:
            return
        if image.status != start:
            raise NotInUse(f"Image {image.id} is {image.status}; only an image that is {start} becomes {end}.")
        await images.transition(conn, image.id, start, end)

    await guarded_write(parts, work)
