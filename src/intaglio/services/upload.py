"""Taking in the data of an image: claim, stream through the one door, commit; or leave nothing behind.

A short transaction claims the image (queued → saving) under a lease, the bytes flow while no transaction is open, a
second one makes them visible (saving → active). Whatever fails in between, the image is queued again and the store is
clean; if this process dies, `recovery` does the same when the lease has ended.
"""

import asyncio
import logging
from collections.abc import AsyncIterator

from msgspec.structs import replace

from intaglio.authz.engine import Caller
from intaglio.base.clock import utcnow
from intaglio.base.errors import Conflict, Gone, Invalid
from intaglio.db.base import Connection
from intaglio.db.repos import digests, images, leases, verdicts
from intaglio.db.repos.leases import Lease
from intaglio.domain.image import Image, Location
from intaglio.domain.status import Status
from intaglio.formats.judge import rule_set
from intaglio.ingest.base import Ingested, Spec
from intaglio.services.access import visible_image
from intaglio.services.copies import writable
from intaglio.services.guarded import guarded_write
from intaglio.services.leases import Hold, held, lease_end
from intaglio.services.parts import Parts
from intaglio.services.quota import Budgets, Meter, budgeted_write, require_growth, reserve
from intaglio.services.recovery import discard_orphan, release_upload
from intaglio.services.removal import discard_object
from intaglio.services.tenancy import tell
from intaglio.signatures.base import NOBODY, Asker
from intaglio.signatures.verification import Check

_log = logging.getLogger(__name__)


class ClientGone(Invalid):
    """The client hung up before all data had arrived."""

    code = "client-gone"


class FormatsMissing(Invalid):
    """Data can be checked only against declared formats."""

    code = "formats-missing"


class NotQueued(Conflict):
    """The image has data already, or is getting some."""

    code = "not-queued"


class UploadOvertaken(Gone):
    """The image was deleted, or the upload taken for dead, while the data arrived."""

    code = "upload-overtaken"


async def upload(
    parts: Parts,
    caller: Caller,
    image_id: str,
    body: AsyncIterator[bytes],
    *,
    announced_size: int | None = None,
    content_length: int | None = None,
    store_id: str | None = None,
    asker: Asker = NOBODY,
) -> None:
    """Store `body` as the data of the image and make it active.

    `announced_size` (bytes) must be met exactly, and so must `content_length`, which counts when there is no other.
    `asker`: for whom the certificate of a signed image is fetched, which happens before any data are read.

    Raises refusals, `NotQueued`, `FormatsMissing`, `OverQuota`, `ClientGone`, `UploadOvertaken`, what door and store
    raise, and `Verification.check` and `Check.require`.
    """
    store_id, store = writable(parts.stores, store_id)
    size = announced_size if announced_size is not None else content_length
    image, lease, reserved = await _claim(parts, caller, image_id, store_id, size)
    meter = Meter(parts, lease, reserved) if size is None and parts.quotas.enforced else None
    begun = finished = False
    try:
        async with held(parts, lease, Status.SAVING) as hold:
            check = await parts.verification.check(image, (store_id,), asker=asker)
            # under the claim an object of this name can only be what a crash left
            await discard_object(store, lease.key)
            begun = True
            spec = _spec(parts, image, size, check)
            verify = None if check is None else check.require
            result = await parts.door.admit(watched(body, hold, meter), store, lease.key, spec, verify=verify)
            await parts.stores.attribute(store_id, lease.key, image.owner)
        finished = True
    finally:
        if not finished:
            await asyncio.shield(release_upload(parts, lease, begun=begun))
    await asyncio.shield(_commit(parts, image, lease, result, check))


async def _claim(
    parts: Parts, caller: Caller, image_id: str, store_id: str, size: int | None
) -> tuple[Image, Lease, int]:
    """The image, which is being saved now, its lease, and how many bytes of its project's quota are reserved."""

    async def work(conn: Connection, budgets: Budgets) -> tuple[Image, Lease, int]:
        image, target = await visible_image(conn, parts.policy, caller, image_id)
        parts.policy.require("upload_image", caller, target)
        if image.status != Status.QUEUED:
            raise NotQueued(f"Image {image.id} is {image.status}; data can be uploaded only while it is queued.")
        if not image.disk_format or not image.container_format:
            raise FormatsMissing("Set disk_format and container_format of the image before uploading its data.")
        now = utcnow()
        lease = Lease(
            image_id=image.id,
            kind="upload",
            holder=parts.holder,
            store_id=store_id,
            key=image.id,
            created_at=now,
            expires_at=lease_end(),
        )
        await leases.claim(conn, lease)
        saving = await images.transition(conn, image.id, Status.QUEUED, Status.SAVING)
        await require_growth(conn, budgets, image, saving)
        return saving, lease, await reserve(conn, budgets, lease, saving, size)

    return await budgeted_write(parts, caller.principal.project_id, work)


async def watched(body: AsyncIterator[bytes], hold: Hold, meter: Meter | None) -> AsyncIterator[bytes]:
    """Pass on `body` while the lease is held and there is room. Raises `UploadOvertaken`, `OverQuota`."""
    async for piece in body:
        if meter is not None and hold.lost is None:
            hold.lost = await meter.admit(len(piece))
        if hold.lost is not None:
            break
        yield piece
    if hold.lost is not None:
        raise UploadOvertaken(f"The upload was stopped: {hold.lost}.")


def _spec(parts: Parts, image: Image, size: int | None, check: Check | None) -> Spec:
    return Spec(
        disk_format=image.disk_format or "",
        container_format=image.container_format or "",
        formats=parts.format_settings,
        size_cap=parts.limits.image_size_cap,
        size=size,
        hashing_algorithm=parts.ingest_settings.hashing_algorithm,
        digests=() if check is None else (check.algorithm,),
    )


async def _commit(parts: Parts, image: Image, lease: Lease, result: Ingested, check: Check | None) -> None:
    location = Location(*parts.stores.location(lease.store_id, lease.key))

    async def work(conn: Connection) -> bool:
        if not await leases.release(conn, lease):
            return False
        current = await images.get(conn, image.id)
        if current is None or current.status != Status.SAVING:
            raise UploadOvertaken(f"Image {image.id} was deleted while its data arrived.")
        after = replace(
            current,
            status=Status.ACTIVE,
            size=result.size,
            virtual_size=result.virtual_size,
            checksum=result.checksum,
            os_hash_algo=result.os_hash_algo,
            os_hash_value=result.os_hash_value,
            properties=parts.verification.noted(
                current, (lease.store_id,), check, result.os_hash_value, result.digests
            ),
            locations=(location,),  # one on a queued image is what an earlier failure left
            updated_at=utcnow(),
        )
        await images.update(conn, current, after)
        await digests.record(conn, image.id, result.os_hash_value, result.digests)
        await verdicts.record_accepted(conn, image.id, result.detected_format, rule_set(parts.format_settings))
        return True

    try:
        committed = await guarded_write(parts, work)
    except (UploadOvertaken, Invalid, Conflict):
        await release_upload(parts, lease)
        raise
    if not committed:
        await discard_orphan(parts, lease)
        raise UploadOvertaken(f"The upload to image {image.id} was taken for dead; its data were not kept. Try again.")
    await tell(parts, image.id)
