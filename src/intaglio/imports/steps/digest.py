"""Reading an active image's data for one more digest, which a signature set later is about; and proving them thereby.

What is read is compared with the digest on record, so that the new one is of the bytes that were accepted.
"""

import hashlib
from contextlib import aclosing

from msgspec.structs import replace

from intaglio.base.clock import utcnow
from intaglio.base.errors import Conflict
from intaglio.db.base import Connection
from intaglio.db.repos import images, leases, tasks
from intaglio.db.repos.leases import Lease
from intaglio.domain.image import Image
from intaglio.domain.signatures import EVIDENCE, Evidence, evidence_of
from intaglio.flows.base import Json
from intaglio.imports.base import Bench, ImageGone, ImportOvertaken, Job, require_wanted, seize
from intaglio.imports.steps.store import readable
from intaglio.imports.watch import Watched
from intaglio.ingest.sources import continued


class NoDigest(Conflict):
    """The image's data have no digest on record that another one could be bound to."""

    code = "no-digest-on-record"


async def run(bench: Bench, job: Job) -> Json:
    """Compute the digest and note it. The digest in hex."""

    async def claim(conn: Connection) -> tuple[Image, Lease]:
        image = await require_wanted(conn, job)
        return image, await seize(conn, bench, job, bench.stores.default)

    image, lease = await bench.write(claim)
    task = await bench.database.read(lambda conn: tasks.get(conn, job.task_id))
    if task is None or task.input is None:
        raise ImageGone("The task was deleted.")
    found = await _computed(bench, job, image, lease, task.input["import_req"]["method"]["digest"])
    await _note(bench, job, lease, found)
    return dict(found)


async def _computed(bench: Bench, job: Job, image: Image, lease: Lease, algorithm: str) -> dict[str, str]:
    if image.os_hash_algo is None or image.os_hash_value is None:
        raise NoDigest(f"No digest of the data of image {image.id} is on record.")
    size, name = image.size or 0, f"image {image.id}"
    copies = await readable(bench, image, size)
    watched = Watched(bench, job, lease, "digest", size)
    running = hashlib.new(algorithm, usedforsecurity=False)

    async def read() -> None:
        pieces = watched.counted(continued(copies, name, size, 0, size))
        proven = bench.door.discharge(
            pieces, image.os_hash_algo or "", image.os_hash_value or "", name, consumers=[running]
        )
        async with aclosing(proven):
            async for _ in proven:
                pass

    await watched.run(read())
    return {algorithm: running.hexdigest()}


async def _note(bench: Bench, job: Job, lease: Lease, digests: dict[str, str]) -> None:
    async def work(conn: Connection) -> None:
        image = await require_wanted(conn, job)
        if not await leases.renew(conn, lease, lease.expires_at):
            raise ImportOvertaken("Another process took over.")
        data = image.os_hash_value or ""
        before = evidence_of(image.properties, data) or Evidence(data=data)
        after = replace(before, digests={**before.digests, **digests})
        properties = {**image.properties, EVIDENCE: after.text()}
        await images.update(conn, image, replace(image, properties=properties, updated_at=utcnow()))

    await bench.write(work)
