"""After a step has failed: nothing is left behind, the image is what it was before, and the task says why."""

import logging
from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from intaglio.base.clock import utcnow
from intaglio.db.base import Connection
from intaglio.db.repos import deletions, evidence, images, leases, tasks
from intaglio.db.repos.leases import Lease
from intaglio.domain.image import Image, Location
from intaglio.domain.status import Status, require_transition
from intaglio.domain.task import FAILED_STORES, LOCK, PENDING_STORES, TaskStatus
from intaglio.flows.base import Json, StepFailed
from intaglio.formats.base import FormatMismatch, UnsafeContent
from intaglio.imports import staged
from intaglio.imports.base import LEASE_KIND, Bench, ImportCancelled, Job, discard, holds, lease_end, seize
from intaglio.imports.methods import DIGEST
from intaglio.imports.plugins import PluginRefused
from intaglio.imports.steps.describe import Before, as_before
from intaglio.ingest.base import CannotUnpack, CapExceeded
from intaglio.ingest.conversion.base import CannotConvert
from intaglio.outbound.base import FetchTooLarge
from intaglio.signatures.base import SignatureMismatch
from intaglio.stores.base import Store, StoreError
from intaglio.stores.settings import STAGING

_log = logging.getLogger(__name__)

_ADVICE: Mapping[Status, str] = {
    Status.UPLOADING: "The staged data were kept: correct the cause and import again.",
    Status.QUEUED: "Correct the cause and import again.",
    Status.ACTIVE: "The image is as it was: correct the cause and ask for the copy again.",
}


_OF_THE_DATA = {
    SignatureMismatch.code,
    FormatMismatch.code,
    UnsafeContent.code,
    CapExceeded.code,
    FetchTooLarge.code,
    CannotUnpack.code,
    CannotConvert.code,
    PluginRefused.code,
}
"""Refusals that would come again: what was staged is removed then, and the image waits for other data."""


class Was(msgspec.Struct, frozen=True, kw_only=True):
    """What an image was before the import."""

    status: Status
    size: int | None
    described: Before | None
    withdrawn: bool


async def run(
    bench: Bench, job: Job, start: Status, failed: StepFailed, before: Json = None, *, withdrawn: bool = False
) -> Json:
    """Undo what was done, give the image back in the status `start`, and end the task with what `failed`.

    `before` is what the step `remember` noted, None where there was none. With `withdrawn` the image, which was made
    for the task alone, is deleted instead of queued. An image whose staged data were refused is
    `queued`: in `uploading` it would have room for no others.
    """
    if start is Status.UPLOADING and failed.reason_code in _OF_THE_DATA:
        start = Status.QUEUED
    image, kept, ours = await bench.write(lambda conn: _claim(conn, bench, job))
    remove = _leftovers(bench, job, image, kept, start) if ours else {}
    stubborn = [store_id for store_id, store in remove.items() if not await _removed(store, job.image_id, store_id)]
    message = _message(job, image, start, failed, withdrawn=withdrawn)
    was = Was(
        status=start,
        size=await _staged_size(bench, job) if start is Status.UPLOADING else None,
        described=None if before is None else msgspec.convert(before, Before),
        withdrawn=withdrawn,
    )
    await bench.write(lambda conn: _end(conn, bench, job, was, message, stubborn))
    _log.warning("task %s: %s", job.task_id, message)
    return None


def _leftovers(
    bench: Bench, job: Job, image: Image | None, kept: tuple[Location, ...], start: Status
) -> dict[str, Store]:
    """Where there may be objects that no location names, `kept` ones of a deleted image among them."""
    named = kept if image is None else image.locations
    remove = {
        store_id: bench.stores[store_id]
        for store_id in job.stores
        if store_id in bench.stores and not holds(bench.stores, job.image_id, named, store_id)
    }
    return remove if image is not None and start is Status.UPLOADING else {**remove, STAGING: bench.staging}


def _message(job: Job, image: Image | None, start: Status, failed: StepFailed, *, withdrawn: bool) -> str:
    if failed.reason_code == ImportCancelled.code or job.method == DIGEST:
        return str(failed)
    if withdrawn:
        return f"Step '{failed.step}' failed: {failed} There is no image: correct the cause and begin another task."
    advice = "" if image is None else _ADVICE[Status.ACTIVE if image.status is Status.ACTIVE else start]
    if failed.reason_code == SignatureMismatch.code and image is not None:
        wrong = "They were removed: send those that were signed, or set the signature that belongs to them."
        advice = advice if image.status is Status.ACTIVE else wrong
    elif failed.reason_code in _OF_THE_DATA and image is not None:
        advice = "The same data would fail again, and were removed: say what they are (disk_format), or send others."
    return f"Step '{failed.step}' failed: {failed} {advice}".strip()


async def _claim(conn: Connection, bench: Bench, job: Job) -> tuple[Image | None, tuple[Location, ...], bool]:
    """The image, what is kept of it if it is deleted, and whether it is this task's.

    What another task does with it is not undone here.
    """
    image = await images.get(conn, job.image_id)
    if image is not None and image.properties.get(LOCK) != job.task_id:
        return image, (), False
    deleted = None if image is not None else await deletions.find(conn, job.image_id)
    await seize(conn, bench, job, (*job.stores, bench.stores.default)[0])
    return image, () if deleted is None else deleted.locations, True


async def _removed(store: Store, key: str, store_id: str) -> bool:
    try:
        await (staged.remove(store, key) if store_id == STAGING else discard(store, key))
    except StoreError as error:
        _log.warning("store %s keeps object %s for now: %s", store_id, key, error)
        return False
    return True


async def _end(conn: Connection, bench: Bench, job: Job, was: Was, message: str, stubborn: list[str]) -> None:
    image = await images.get(conn, job.image_id)
    ours = image is None or image.properties.get(LOCK) == job.task_id
    if image is not None and ours:
        after = _as_before(bench, job, image, was)
        if was.withdrawn and after.status is Status.QUEUED:
            await images.delete(conn, image)
        else:
            await images.update(conn, image, after)
    if ours and (image is None or image.status is Status.IMPORTING):
        await evidence.forget(conn, job.image_id, job.task_id)
    lease = await leases.find(conn, job.image_id, LEASE_KIND)
    if lease is not None and ours:
        await leases.release(conn, lease)
    for number, store_id in enumerate(stubborn):
        await _leave_to_a_worker(conn, bench, job, store_id, number)
    await tasks.finish(
        conn, job.task_id, TaskStatus.FAILURE, message, result=None, now=utcnow(), expires_at=bench.expiry()
    )


def _as_before(bench: Bench, job: Job, image: Image, was: Was) -> Image:
    missing = [
        store_id
        for store_id in job.stores
        if store_id not in bench.stores or not holds(bench.stores, image.id, image.locations, store_id)
    ]
    properties: Mapping[str, str | None] = {name: value for name, value in image.properties.items() if name != LOCK}
    if job.stores:
        properties = {**properties, PENDING_STORES: "", FAILED_STORES: ",".join(missing)}
    after = replace(image, properties=properties, updated_at=utcnow())
    if image.status is not Status.IMPORTING:  # a copy, or an import that got as far as being active
        return after
    require_transition(image.status, was.status)
    if was.described is not None:
        after = as_before(bench, after, was.described)
    return replace(after, status=was.status, size=was.size, virtual_size=None)


async def _staged_size(bench: Bench, job: Job) -> int | None:
    """What the image was said to have: less than it grew to when its data were unpacked."""
    try:
        return (await staged.find(bench.staging, job.image_id)).size
    except StoreError:
        return None


async def _leave_to_a_worker(conn: Connection, bench: Bench, job: Job, store_id: str, number: int) -> None:
    kind = f"undo-{number}"
    before = await leases.find(conn, job.image_id, kind)
    if before is not None:
        await leases.release(conn, before)
    now = utcnow()
    lease = Lease(
        image_id=job.image_id,
        kind=kind,
        holder=bench.holder,
        store_id=store_id,
        key=job.image_id,
        created_at=now,
        expires_at=lease_end(),
    )
    await leases.claim(conn, lease)
