"""Removing the staged data of an image that is active now. When the staging store refuses, a worker does it later."""

import logging

from intaglio.db.base import Connection
from intaglio.db.repos import leases
from intaglio.flows.base import Json
from intaglio.imports import staged
from intaglio.imports.base import UNSTAGE_KIND, Bench, Job
from intaglio.stores.base import StoreError

_log = logging.getLogger(__name__)


async def run(bench: Bench, job: Job) -> Json:
    """Remove the staged data. Never fails: the image is active, and nobody waits for this."""
    try:
        await staged.remove(bench.staging, job.image_id)
    except StoreError as error:
        _log.warning("image %s: its staged data stay for now: %s", job.image_id, error)
        return False

    async def work(conn: Connection) -> None:
        lease = await leases.find(conn, job.image_id, UNSTAGE_KIND)
        if lease is not None:
            await leases.release(conn, lease)

    await bench.write(work)
    return True
