"""Deleting image records that never got data: those that are queued and were not touched for a time the operator set.

A record is left when it is protected, when any work on it holds a lease, and when somebody changed it meanwhile.
"""

import logging
from datetime import datetime, timedelta
from functools import partial

from intaglio.base.clock import utcnow
from intaglio.base.errors import IntaglioError
from intaglio.db.base import Connection
from intaglio.db.repos import images, leases
from intaglio.domain.image import Image
from intaglio.domain.status import Status
from intaglio.services.parts import Parts

_log = logging.getLogger(__name__)
_AT_ONCE = 200


async def expire_empty(parts: Parts, hours: float) -> int:
    """Delete records without data that nobody touched for `hours`; how many, at most a few hundred a call."""
    before = utcnow() - timedelta(hours=hours)
    expired = 0
    for image_id in await parts.database.read(lambda conn: images.untouched(conn, Status.QUEUED, before, _AT_ONCE)):
        try:
            expired += await parts.database.write(partial(_expire, image_id=image_id, before=before))
        except IntaglioError as error:
            _log.warning("image %s has no data and has expired, but stays for now: %s", image_id, error)
    if expired:
        _log.info("deleted %d image records that had got no data for %g hours", expired, hours)
    return expired


async def _expire(conn: Connection, image_id: str, before: datetime) -> bool:
    image = await images.get(conn, image_id)
    if image is None or not _is_empty(image) or image.protected or image.updated_at >= before:
        return False
    if await leases.of_image(conn, image_id):
        return False
    await images.delete(conn, image)
    return True


def _is_empty(image: Image) -> bool:
    return image.status == Status.QUEUED and not image.locations
