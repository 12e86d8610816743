"""Staging: taking in data that an import will turn into an image's, without judging them yet.

As with an upload, a short transaction claims the image under a lease, the bytes flow through the one door, a short one
commits. An image in `uploading` whose lease is gone has its data staged.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

from msgspec.structs import replace

from intaglio.authz.engine import Caller
from intaglio.base.clock import utcnow
from intaglio.db.base import Connection
from intaglio.db.repos import images, leases, tasks
from intaglio.db.repos.leases import Lease
from intaglio.domain.image import Image
from intaglio.domain.status import Status
from intaglio.domain.task import LOCK
from intaglio.ingest.base import Ingested, Spec
from intaglio.services.access import visible_image
from intaglio.services.guarded import guarded_write
from intaglio.services.leases import held, lease_end
from intaglio.services.parts import Parts
from intaglio.services.quota import Budgets, Meter, budgeted_write, require_growth, reserve
from intaglio.services.recovery import discard_orphan, release_upload
from intaglio.services.removal import STAGE_KIND, discard_object, remove_copies
from intaglio.services.upload import NotQueued, UploadOvertaken, watched
from intaglio.stores.settings import STAGING


async def stage(
    parts: Parts,
    caller: Caller,
    image_id: str,
    body: AsyncIterator[bytes],
    *,
    announced_size: int | None = None,
    content_length: int | None = None,
) -> None:
    """Keep `body` for an import; sizes are as for an upload, and so is what is raised."""
    size = announced_size if announced_size is not None else content_length
    image, lease, reserved = await _claim(parts, caller, image_id, size)
    meter = Meter(parts, lease, reserved) if size is None and parts.quotas.enforced else None
    begun = finished = False
    try:
        async with held(parts, lease, Status.UPLOADING) as hold:
            await discard_object(parts.staging, lease.key)
            begun = True
            spec = _spec(parts, size)
            result = await parts.door.admit(watched(body, hold, meter), parts.staging, lease.key, spec)
        finished = True
    finally:
        if not finished:
            await asyncio.shield(release_upload(parts, lease, begun=begun))
    await asyncio.shield(_commit(parts, image, lease, result))


async def _claim(parts: Parts, caller: Caller, image_id: str, size: int | None) -> tuple[Image, Lease, int]:
    """The image, which is uploading now, its lease, and how many bytes of its project's quota are reserved."""

    async def work(conn: Connection, budgets: Budgets) -> tuple[Image, Lease, int]:
        image, target = await visible_image(conn, parts.policy, caller, image_id)
        parts.policy.require("modify_image", caller, target)
        if image.status != Status.QUEUED:
            raise NotQueued(f"Image {image.id} is {image.status}; data can be staged only while it is queued.")
        lease = _lease(parts, image.id, STAGE_KIND)
        await leases.claim(conn, lease)
        uploading = await images.transition(conn, image.id, Status.QUEUED, Status.UPLOADING)
        await require_growth(conn, budgets, image, uploading)
        return uploading, lease, await reserve(conn, budgets, lease, uploading, size, "staged")

    return await budgeted_write(parts, caller.principal.project_id, work)


def _lease(parts: Parts, image_id: str, kind: str) -> Lease:
    return Lease(
        image_id=image_id,
        kind=kind,
        holder=parts.holder,
        store_id=STAGING,
        key=image_id,
        created_at=utcnow(),
        expires_at=lease_end(),
    )


def _spec(parts: Parts, size: int | None) -> Spec:
    """Nothing is judged yet: what is imported may be another form of what the image is to be."""
    return Spec(
        disk_format="",
        container_format="",
        formats=parts.format_settings,
        size_cap=parts.limits.image_size_cap,
        size=size,
        hashing_algorithm=parts.ingest_settings.hashing_algorithm,
    )


async def _commit(parts: Parts, image: Image, lease: Lease, result: Ingested) -> None:
    async def work(conn: Connection) -> bool:
        if not await leases.release(conn, lease):
            return False
        current = await images.get(conn, image.id)
        if current is None or current.status != Status.UPLOADING:
            raise UploadOvertaken(f"Image {image.id} was deleted while its data arrived.")
        await images.update(conn, current, replace(current, size=result.size, updated_at=utcnow()))
        return True

    try:
        committed = await guarded_write(parts, work)
    except UploadOvertaken:
        await release_upload(parts, lease)
        raise
    if not committed:
        await discard_orphan(parts, lease)
        raise UploadOvertaken(f"The data for image {image.id} were taken for abandoned and not kept. Try again.")


async def staged_leftovers(conn: Connection, parts: Parts, image: Image) -> list[Lease]:
    """A lease on the staged data of an image that is about to go; none while others see to them.

    While data still arrive, or a task is at work, that request or task removes them when it notices.
    """
    if image.status not in {Status.UPLOADING, Status.IMPORTING}:
        return []
    lock = image.properties.get(LOCK)
    task = None if lock is None else await tasks.get(conn, lock)
    seen_to = task is not None and task.ours and not task.finished
    if seen_to or await leases.find(conn, image.id, STAGE_KIND) is not None:
        return []
    return [_lease(parts, image.id, "unstage")]


async def expire_staged(parts: Parts) -> int:
    """Queue images again whose staged data nobody imported for long, and remove the data; the number of images."""
    if not parts.task_settings.staged_hours:
        return 0
    before = utcnow() - timedelta(hours=parts.task_settings.staged_hours)

    async def work(conn: Connection) -> list[Lease]:
        found = []
        for image_id in await images.idle(conn, Status.UPLOADING, before):
            if await leases.find(conn, image_id, STAGE_KIND) is None:
                lease = _lease(parts, image_id, STAGE_KIND)
                await leases.claim(conn, lease)
                found.append(lease)
        return found

    expired = await guarded_write(parts, work)
    await remove_copies(parts, expired)
    return len(expired)
