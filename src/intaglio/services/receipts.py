"""Showing receipts, which say what the service knows of an image's bytes; and finding out which are missing."""

import logging
from collections.abc import AsyncIterator
from functools import partial

from intaglio.authz.engine import Caller
from intaglio.base.errors import Forbidden, NotFound
from intaglio.db.base import Connection
from intaglio.db.repos import receipts
from intaglio.db.repos.receipts import OwnCertificate, Receipt
from intaglio.domain.image import Image
from intaglio.domain.receipts import known_digests
from intaglio.domain.status import Status
from intaglio.services.access import visible_image
from intaglio.services.parts import Parts

_log = logging.getLogger(__name__)

IN_USE = (Status.ACTIVE, Status.DEACTIVATED)


class NoReceipt(NotFound):
    """The image has no receipt, or none yet."""

    code = "no-receipt"


class ReceiptWithheld(Forbidden):
    """The image is out of use, and its receipt says where its data lie."""

    code = "receipt-withheld"


async def show(parts: Parts, caller: Caller, image_id: str) -> Receipt:
    """The image's receipt. Raises `ImageNotFound`, refusals, `NoReceipt`, `ReceiptWithheld`."""

    async def work(conn: Connection) -> Receipt:
        image, target = await visible_image(conn, parts.policy, caller, image_id)
        parts.policy.require("intaglio:get_receipt", caller, target)
        named = image.status is Status.DEACTIVATED and parts.receipts.show_locations
        if named and not caller.principal.is_admin:
            raise ReceiptWithheld(
                f"Image {image.id} is deactivated; only an administrator reads its receipt, which names its locations."
            )
        found = await receipts.find(conn, image.id) if image.status in IN_USE else None
        if found is None:
            raise NoReceipt(_why_not(parts, image))
        return found

    return await parts.database.read(work)


def _why_not(parts: Parts, image: Image) -> str:
    if image.status not in IN_USE:
        return f"Image {image.id} is {image.status}: a receipt is written when its data are there."
    if not known_digests(image):
        return f"No digest of the data of image {image.id} is on record, so there is nothing to write a receipt of."
    if not parts.receipts.write:
        return f"Image {image.id} has no receipt: this service writes none."
    return f"The receipt of image {image.id} is not written yet; ask again in a moment."


async def certificates(parts: Parts) -> list[OwnCertificate]:
    """Those of the service that receipts were signed with, the latest first."""
    return await parts.database.read(receipts.own)


async def counts(conn: Connection) -> tuple[int, int]:
    """How many receipts there are, and how many images wait for one."""
    return await receipts.counts(conn)


async def reconcile(parts: Parts, *, everything: bool = False) -> None:
    """Have receipts written of images in use that have none, or that a Glance changed; forget those of gone ones.

    With `everything` all images in use are looked at anew.
    """
    number = 0
    async for ids in doubtful(parts, everything=everything):
        number += len(ids)
    gone = await parts.database.write(receipts.forget_gone)
    if number or gone:
        _log.info("receipts: %d images are looked at anew, and %d receipts of deleted ones were removed", number, gone)


async def doubtful(parts: Parts, *, everything: bool = False) -> AsyncIterator[list[str]]:
    """Note images whose receipts are missing or may say what is so no more, all with `everything`; ids, by pages."""
    last = ""
    while True:
        ids, seen = await parts.database.survey(partial(receipts.doubtful, after=last, everything=everything))
        if seen is None:
            return
        if ids:
            await parts.database.write(partial(_note_all, ids=list(ids)))
            yield list(ids)
        last = seen


async def _note_all(conn: Connection, *, ids: list[str]) -> None:
    for image_id in ids:
        await receipts.note(conn, image_id)
