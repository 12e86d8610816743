"""Holding on to what this process is doing to an image, so that others can tell work in progress from work that died.

A lease is a row with an end. Its holder renews it while it works; when the end has passed, any worker may take the
lease over and undo what was begun (`recovery`).
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from intaglio.base.clock import utcnow
from intaglio.base.errors import IntaglioError
from intaglio.db.base import Connection
from intaglio.db.repos import images, leases
from intaglio.db.repos.leases import Lease
from intaglio.domain.status import Status
from intaglio.services.parts import Parts

LEASE_SECONDS = 20
_RENEW_SECONDS = 5

_log = logging.getLogger(__name__)


def lease_end() -> datetime:
    """When a lease taken or renewed now ends."""
    return utcnow() + timedelta(seconds=LEASE_SECONDS)


class Hold:
    """Whether a lease is still this process's own; `lost` says why it is not."""

    def __init__(self) -> None:
        self.lost: str | None = None


@contextlib.asynccontextmanager
async def held(parts: Parts, lease: Lease, status: Status) -> AsyncIterator[Hold]:
    """Renew `lease` until the block ends, and watch that the image stays in `status`."""
    hold = Hold()
    heartbeat = asyncio.create_task(_heartbeat(parts, lease, status, hold))
    try:
        yield hold
    finally:
        heartbeat.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await heartbeat


async def _heartbeat(parts: Parts, lease: Lease, status: Status, hold: Hold) -> None:
    end = lease.expires_at
    while hold.lost is None:
        await asyncio.sleep(_RENEW_SECONDS)
        try:
            until = lease_end()
            hold.lost = await _renew(parts, lease, until, status)
            end = until
        except IntaglioError as error:
            _log.warning("the lease on image %s could not be renewed: %s", lease.image_id, error)
            if utcnow() >= end:
                hold.lost = "the database could not be reached for too long"


async def _renew(parts: Parts, lease: Lease, until: datetime, status: Status) -> str | None:
    async def work(conn: Connection) -> str | None:
        if not await leases.renew(conn, lease, until):
            return "another process took over"
        image = await images.get(conn, lease.image_id)
        if image is None or image.status != status:
            return "the image was deleted or changed its status"
        return None

    return await parts.database.write(work)
