"""Adding a location as a flow: what lies there is looked at, or read and compared, and only then the image's.

Nothing is copied and nothing is ever removed at the location: a failure leaves the image as it was, queued.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from intaglio.base.clock import utcnow
from intaglio.db.base import Connection
from intaglio.db.repos import digests, images, leases, receipts, tasks, verdicts
from intaglio.db.repos.leases import Lease
from intaglio.domain.image import Image, Location
from intaglio.domain.status import Status
from intaglio.domain.task import LOCATION_URL, LOCK, Task, TaskStatus, TaskType
from intaglio.flows.base import Flow, Json, StepFailed
from intaglio.flows.journal import step
from intaglio.formats.judge import rule_set
from intaglio.imports import signed
from intaglio.imports.base import LEASE_KIND, Bench, ImageGone, ImportCancelled, Job, require_wanted, seize
from intaglio.imports.located import Facts, digested, looked, with_location
from intaglio.imports.steps import finish
from intaglio.imports.watch import Watched
from intaglio.ingest.base import Spec
from intaglio.stores.base import Busy, StoreError
from intaglio.stores.registry import Found

_log = logging.getLogger(__name__)

METHOD = "location"
_PAUSE_SECONDS = 1.0

BEFORE, AFTERWARDS, NEVER = "before", "afterwards", "never"


class _Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What the flow decides by: fixed when it begins, whatever the configuration becomes.

    `digest`: when the data are digested, seen from the image's becoming active.
    """

    job: Job
    digest: str
    algorithm: str
    expected: str | None = None


def location_flow(bench: Bench) -> Flow:
    """The flow of the tasks that POST /v2/images/{id}/locations makes; its id is the task's."""

    async def run(task_id: str) -> None:
        try:
            found = await step("begin", partial(_begin, bench, task_id))
            if found is not None:
                await _carry_out(bench, msgspec.convert(found, _Plan))
        except StepFailed as failed:  # not even undoing went well
            await step("give up", partial(_undo, bench, _job(task_id, ""), failed))

    return Flow(TaskType.LOCATION_IMPORT.value, run)


async def _carry_out(bench: Bench, plan: _Plan) -> None:
    job = plan.job
    try:
        known = await step("look", partial(_look, bench, plan))
        await step("activate", partial(_activate, bench, job, msgspec.convert(known, Facts)))
        if plan.digest == AFTERWARDS:
            await step("digest", partial(_digest, bench, plan))
        await step("finish", partial(finish.run, bench, job))
    except StepFailed as failed:
        await step("undo", partial(_undo, bench, job, failed))


async def abandon(bench: Bench, task: Task) -> None:
    """Undo a flow that will not be run again, as too many processes died of it."""
    await _undo(
        bench, _job(task.id, task.image_id or ""), StepFailed(METHOD, "given-up", "Every process that tried it died.")
    )


def _job(task_id: str, image_id: str, stores: tuple[str, ...] = ()) -> Job:
    return Job(task_id=task_id, image_id=image_id, method=METHOD, stores=stores, all_must_succeed=True)


async def _begin(bench: Bench, task_id: str) -> Json:
    """The plan as JSON; None when there is nothing left to do."""

    async def work(conn: Connection) -> Task | None:
        await tasks.begin(conn, task_id, "Begun.", utcnow())
        return await tasks.get(conn, task_id)

    task = await bench.write(work)
    if task is None or task.finished or task.image_id is None:
        return None
    plan: Json = msgspec.to_builtins(_plan(bench, task, _job(task_id, task.image_id, _stores(bench, task))))
    return plan


def _plan(bench: Bench, task: Task, job: Job) -> _Plan:
    given: dict[str, Any] = (task.input or {}).get("validation_data") or {}
    algorithm = given.get("os_hash_algo", bench.hashing_algorithm)
    expected = given.get("os_hash_value")
    if signed.CERTIFICATES in (task.input or {}):
        digest = BEFORE
    elif not bench.secure_hash:
        digest = NEVER
    elif expected is not None or not _owned(bench, task):
        digest = BEFORE  # what others can change is not shown before it is known
    else:
        digest = AFTERWARDS
    return _Plan(job=job, digest=digest, algorithm=algorithm, expected=expected)


def _stores(bench: Bench, task: Task) -> tuple[str, ...]:
    """The store that has the location; none when that cannot be told."""
    try:
        return (bench.stores.at((task.input or {})[LOCATION_URL]).store_id,)
    except (StoreError, KeyError):
        return ()


def _owned(bench: Bench, task: Task) -> bool:
    try:
        return bench.stores.at((task.input or {})[LOCATION_URL]).store.abilities.owned
    except (StoreError, KeyError):
        return False  # the next step says why


async def _look(bench: Bench, plan: _Plan) -> Json:
    """What is known of the data before the image becomes active."""
    facts = await _read(bench, plan, whole=plan.digest == BEFORE)
    if plan.digest == NEVER and plan.expected is not None:
        facts = replace(facts, os_hash_algo=plan.algorithm, os_hash_value=plan.expected)
    known: Json = msgspec.to_builtins(facts)
    return known


async def _read(bench: Bench, plan: _Plan, *, whole: bool) -> Facts:
    job = plan.job
    image, lease, task = await bench.write(partial(_claim, bench=bench, job=job))
    found = bench.stores.at((task.input or {})[LOCATION_URL])
    check = await signed.check(bench, job, image) if plan.digest == BEFORE else None
    spec = Spec(
        disk_format=image.disk_format or "",
        container_format=image.container_format or "",
        formats=bench.formats,
        size_cap=bench.size_cap,
        size=image.size if image.status is Status.ACTIVE else None,
        hashing_algorithm=plan.algorithm,
        os_hash_value=plan.expected,
        digests=() if check is None else (check.algorithm,),
    )
    watched = Watched(bench, job, lease, "digest" if whole else "look", None)
    facts = await watched.run(_patiently(bench, partial(_once, bench, watched, found, spec, whole=whole)))
    if check is not None:
        check.require(facts.digests)
    return facts


async def _once(bench: Bench, watched: Watched, found: Found, spec: Spec, *, whole: bool) -> Facts:
    if not whole:
        return await looked(bench.door, found, spec)
    watched.begin_at(0, spec.size)
    return await digested(bench.door, found, spec, watched.counted)


async def _patiently(bench: Bench, work: Callable[[], Awaitable[Facts]]) -> Facts:
    """As often as the operator says, as long as another attempt may go better."""
    for attempt in range(1, max(1, bench.location_attempts)):
        try:
            return await work()
        except Busy as error:
            _log.warning("a location, attempt %d: %s", attempt, error)
        await asyncio.sleep(_PAUSE_SECONDS * attempt)
    return await work()


async def _claim(conn: Connection, *, bench: Bench, job: Job) -> tuple[Image, Lease, Task]:
    image = await require_wanted(conn, job)
    task = await tasks.get(conn, job.task_id)
    if task is None:
        raise ImageGone("The task was deleted.")
    return image, await seize(conn, bench, job, bench.stores.default), task


async def _activate(bench: Bench, job: Job, facts: Facts) -> Json:
    """Make the location the image's, if there is room for it in its project's quota."""
    now, lease, task = await bench.write(partial(_claim, bench=bench, job=job))
    found = bench.stores.at((task.input or {})[LOCATION_URL])
    check = await signed.check(bench, job, now) if signed.CERTIFICATES in (task.input or {}) else None

    def active(image: Image) -> Image:
        if image.status is Status.ACTIVE:  # the outcome of the commit before was not known
            return image
        noted = bench.verification.noted(image, job.stores, check, facts.os_hash_value or "", facts.digests)
        bare = replace(image, locations=(), properties=noted)
        new = with_location(bare, Location(found.uri, found.metadata), facts)
        return replace(new, status=Status.ACTIVE, updated_at=utcnow())

    async def verdict(conn: Connection) -> None:
        await digests.record(conn, job.image_id, facts.os_hash_value, facts.digests)
        await verdicts.record_accepted(conn, job.image_id, facts.detected, rule_set(bench.formats))
        if facts.checksum is None and facts.os_hash_value is not None:  # nobody has read all of it
            await receipts.note(conn, job.image_id, receipts.Digests.DECLARED)

    await bench.room.change(job, lease, active, verdict)
    return None


async def _digest(bench: Bench, plan: _Plan) -> Json:
    """The digests of what is active already, recorded once and for all."""
    facts = await _read(bench, plan, whole=True)

    async def work(conn: Connection) -> None:
        image = await require_wanted(conn, plan.job)
        if image.os_hash_value is None:
            known = replace(
                image,
                checksum=facts.checksum,
                os_hash_algo=facts.os_hash_algo,
                os_hash_value=facts.os_hash_value,
                updated_at=utcnow(),
            )
            await images.update(conn, image, known)
            await digests.record(conn, image.id, facts.os_hash_value, facts.digests)

    await bench.write(work)
    return None


async def _undo(bench: Bench, job: Job, failed: StepFailed) -> Json:
    """Give the image back as it was, and end the task with what failed."""

    async def work(conn: Connection) -> None:
        task = await tasks.get(conn, job.task_id)
        image = None if task is None or task.image_id is None else await images.get(conn, task.image_id)
        ours = image is not None and image.properties.get(LOCK) == job.task_id
        if image is not None and ours:
            await images.update(conn, image, _as_before(image))
        if task is not None and task.image_id is not None and (ours or image is None):
            lease = await leases.find(conn, task.image_id, LEASE_KIND)
            if lease is not None:
                await leases.release(conn, lease)
        message = _message(image, failed)
        await tasks.finish(
            conn, job.task_id, TaskStatus.FAILURE, message, result=None, now=utcnow(), expires_at=bench.expiry()
        )
        _log.warning("task %s: %s", job.task_id, message)

    await bench.write(work)
    return None


def _as_before(image: Image) -> Image:
    properties = {name: value for name, value in image.properties.items() if name != LOCK}
    after = replace(image, properties=properties, updated_at=utcnow())
    return after if image.status is not Status.IMPORTING else replace(after, status=Status.QUEUED)


def _message(image: Image | None, failed: StepFailed) -> str:
    if failed.reason_code == ImportCancelled.code:
        return str(failed)
    said = f"Step '{failed.step}' failed: {failed}"
    if image is None:
        return said
    if image.status is Status.ACTIVE:
        return f"{said} The image stays in use, without a digest."
    return f"{said} Correct the cause and add the location again."
