"""The long step: bytes into all stores in one pass, and only then visible.

A lease fences it: whoever runs the flow takes the lease over, and who has lost it commits nothing. Under the lease an
object of the image that no location names is what a crash left, and is removed before a new one is written.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping

import msgspec
from msgspec.structs import replace

from intaglio.base.clock import utcnow
from intaglio.base.errors import Unavailable
from intaglio.db.base import Connection
from intaglio.db.repos import digests, evidence, images, leases, verdicts
from intaglio.db.repos.leases import Lease
from intaglio.domain.image import Image, Location
from intaglio.domain.signatures import OF_SIGNATURES
from intaglio.domain.status import Status
from intaglio.domain.task import FAILED_STORES, PENDING_STORES
from intaglio.flows.base import Json
from intaglio.formats.judge import rule_set
from intaglio.imports import signed, staged
from intaglio.imports.base import (
    UNSTAGE_KIND,
    Bench,
    ImportOvertaken,
    Job,
    discard,
    holds,
    lease_end,
    require_wanted,
    seize,
    undisturbed,
)
from intaglio.imports.converting import converted
from intaglio.imports.findings import Findings
from intaglio.imports.loads import Change, Intake, Load, as_staged
from intaglio.imports.watch import Watched
from intaglio.ingest.base import Ingested, Spec
from intaglio.ingest.fanout import Fanout
from intaglio.ingest.sources import Copy, DeliveryBroken, continued, require_size
from intaglio.signatures.settings import Mode
from intaglio.signatures.verification import Check
from intaglio.stores.base import Busy, Exists, NotFound, Store, StoreError
from intaglio.stores.settings import STAGING

_log = logging.getLogger(__name__)

_ATTEMPTS = 4  # a store that is busy, or an object that a frozen predecessor completes
_PAUSE_SECONDS = 1.0


class NothingReadable(Unavailable):
    """None of the places that should hold the data delivers them."""

    code = "import-source-unreadable"


class StoresFailed(Unavailable):
    """Not every store that had to took the data."""

    code = "import-stores-failed"


class _Written(msgspec.Struct, frozen=True):
    facts: Ingested
    stores: tuple[str, ...]
    failures: Mapping[str, StoreError]
    check: Check | None
    change: Change | None
    properties: Mapping[str, str] = {}


async def from_staging(bench: Bench, job: Job) -> Json:
    """Import what was staged; the image becomes active with its digests. Which stores failed."""

    async def write(image: Image, lease: Lease, targets: Mapping[str, Store]) -> _Written:
        try:
            data = await staged.find(bench.staging, image.id)
        except NotFound as error:
            raise NothingReadable("The staged data are not there any more.") from error
        check = await signed.check(bench, job, image)
        watched = Watched(bench, job, lease, "store", data.size)
        findings, conversion = Findings(bench, image), bench.conversion
        intake = Intake(
            bench=bench,
            job=job,
            lease=lease,
            image=image,
            data=data,
            watched=watched,
            findings=findings,
            check=check,
        )
        required = bench.verification.mode(image, job.stores) is Mode.REQUIRE
        converts = conversion is not None and conversion.wanted(image, required=required)
        loading = converted(intake, conversion, targets) if conversion and converts else as_staged(intake)
        written = await _transfer(bench, job, watched, targets, loading, check)
        change = None if written.change is None else written.change.signed(written.facts)
        return replace(written, change=change, properties=findings.properties(written.facts))

    return await _run(bench, job, write)


async def from_copies(bench: Bench, job: Job) -> Json:
    """Copy an active image to more stores: the same bytes, by size and digest, or nothing. Which stores failed."""

    async def write(image: Image, lease: Lease, targets: Mapping[str, Store]) -> _Written:
        size = image.size or 0
        check = await signed.check(bench, job, image)
        copies = await readable(bench, image, size)
        spec = Spec(
            disk_format="",
            container_format="",  # nothing is judged anew: it is what was accepted once, by its digest
            formats=bench.formats,
            size_cap=max(bench.size_cap, size),
            size=size,
            hashing_algorithm=image.os_hash_algo or bench.hashing_algorithm,
            checksum=image.checksum,
            os_hash_value=image.os_hash_value if image.os_hash_algo else None,
            digests=() if check is None else (check.algorithm,),
        )
        watched = Watched(bench, job, lease, "copy", size)
        load = Load(
            spec=spec,
            pieces=lambda: watched.counted(continued(copies, f"image {image.id}", size, 0, size)),
            signed=check,
        )
        return await _transfer(bench, job, watched, targets, contextlib.nullcontext(load), check)

    return await _run(bench, job, write)


async def _run(
    bench: Bench, job: Job, write: Callable[[Image, Lease, Mapping[str, Store]], Awaitable[_Written]]
) -> Json:
    async def claim(conn: Connection) -> tuple[Image, Lease]:
        image = await require_wanted(conn, job)
        return image, await seize(conn, bench, job, (*job.stores, bench.stores.default)[0])

    image, lease = await bench.write(claim)
    if not image.properties.get(PENDING_STORES):  # committed before a crash, or there was nothing to do
        return _names(image.properties.get(FAILED_STORES))
    unknown = [store_id for store_id in job.stores if store_id not in bench.stores]
    if unknown:
        raise StoresFailed(f"The store {', '.join(unknown)} is not configured any more.")
    stores, there = bench.stores, image.locations
    targets = {store_id: stores[store_id] for store_id in job.stores if not holds(stores, image.id, there, store_id)}
    shared = [store_id for store_id in job.stores if store_id not in targets]
    if shared:
        raise StoresFailed(f"The store {', '.join(shared)} has a copy already, or is the same place as one that has.")
    written = await write(image, lease, targets)
    for store_id in written.stores:
        await stores.attribute(store_id, job.image_id, image.owner)
    return await _commit(bench, job, lease, written)


async def _transfer(
    bench: Bench,
    job: Job,
    watched: Watched,
    targets: Mapping[str, Store],
    loading: contextlib.AbstractAsyncContextManager[Load],
    check: Check | None,
) -> _Written:
    async def work() -> _Written:
        async with loading as load:
            for attempt in range(1, _ATTEMPTS):
                try:
                    return await _pass(bench, job, watched, targets, load, check)
                except (Busy, Exists, DeliveryBroken, StoresFailed) as error:
                    _log.warning("task %s, attempt %d: %s", job.task_id, attempt, error)
                    watched.note(error)
                await asyncio.sleep(_PAUSE_SECONDS * attempt)
            return await _pass(bench, job, watched, targets, load, check)

    return await watched.run(work())


async def _pass(
    bench: Bench, job: Job, watched: Watched, targets: Mapping[str, Store], load: Load, check: Check | None
) -> _Written:
    """Read the data once, into every store that takes them."""
    watched.begin_again()
    failures: dict[str, StoreError] = {}
    for store_id, store in targets.items():
        try:
            await _clear(bench, job, store_id, store)
        except StoreError as error:
            failures[store_id] = error
    _require_enough(job, failures, targets)
    clear = {store_id: store for store_id, store in targets.items() if store_id not in failures}
    sink = Fanout(clear, all_or_none=job.all_must_succeed)
    consumers, verify = load.begin()
    try:
        async with contextlib.aclosing(load.pieces()) as source:
            facts = await bench.door.admit(source, sink, job.image_id, load.spec, consumers=consumers, verify=verify)
    except StoreError:
        _require_enough(job, failures | sink.failures, targets)
        raise
    failures |= sink.failures
    stores = tuple(store_id for store_id in targets if store_id not in failures)
    return _Written(facts, stores, failures, check, load.change)


def _require_enough(job: Job, failures: Mapping[str, StoreError], targets: Mapping[str, Store]) -> None:
    if failures and (job.all_must_succeed or len(failures) == len(targets)):
        said = "; ".join(f"store {store_id}: {error}" for store_id, error in failures.items())
        raise StoresFailed(said[0].upper() + said[1:])


async def _clear(bench: Bench, job: Job, store_id: str, store: Store) -> None:
    """Make sure that no object has the key, and that nobody is still removing an earlier one."""
    await undisturbed(bench, job, store_id)
    await discard(store, job.image_id)


async def _commit(bench: Bench, job: Job, lease: Lease, written: _Written) -> Json:
    """Make what was written visible, in one transaction. Without it `undo` removes the objects."""
    locations = tuple(Location(*bench.stores.location(store_id, job.image_id)) for store_id in written.stores)

    async def work(conn: Connection) -> Image:
        image = await require_wanted(conn, job)
        if not image.properties.get(PENDING_STORES):  # the outcome of the commit before was not known
            return image
        if not await leases.release(conn, lease):
            raise ImportOvertaken("Another process took over the import.")
        noted = _noted(bench, job, image, written)
        after = _after(job, replace(image, properties=noted), locations, written)
        # also of a copy: an image that came otherwise gets its quick digest so
        await digests.record(conn, image.id, written.facts.os_hash_value, written.facts.digests)
        if image.status is Status.IMPORTING:
            await leases.claim(conn, _unstaging(bench, job))
            await _keep_replaced(conn, job, image, written)
            await evidence.bind(conn, image.id, job.task_id, written.facts.os_hash_value)
            await verdicts.record_accepted(conn, image.id, written.facts.detected_format, rule_set(bench.formats))
        return await images.update(conn, image, after)

    image = await bench.write(work)
    return _names(image.properties.get(FAILED_STORES))


async def _keep_replaced(conn: Connection, job: Job, image: Image, written: _Written) -> None:
    """Keep the signature that was verified and does not fit any more, where the service's own stands in its place."""
    change, check = written.change, written.check
    if change is None or change.own is None or check is None:
        return
    document = signed.replaced(image, check, change.own.key.fingerprint, change.properties)
    await evidence.record(conn, image.id, evidence.REPLACED, job.task_id, document)


def _noted(bench: Bench, job: Job, image: Image, written: _Written) -> Mapping[str, str | None]:
    """The image's properties, with what is known of its signature, which a conversion may have taken from it."""
    change = written.change
    if change is None or not change.without & image.properties.keys():
        return signed.noted(bench, job, image, written.check, written.facts)
    bench.verification.require_same(image, job.stores, written.check)
    return image.properties


def _after(job: Job, image: Image, locations: tuple[Location, ...], written: _Written) -> Image:
    failed = dict.fromkeys([*_names(image.properties.get(FAILED_STORES)), *written.failures])
    lists = {PENDING_STORES: "", FAILED_STORES: ",".join(failed)}
    after = replace(
        image,
        locations=(*image.locations, *locations),
        properties={**image.properties, **lists},
        updated_at=utcnow(),
    )
    if image.status is not Status.IMPORTING:
        return after
    facts = written.facts
    # what data say of themselves never says by whom they were signed
    found = {name: value for name, value in written.properties.items() if name not in OF_SIGNATURES}
    properties = {**found, **after.properties} if job.keeps_properties else {**after.properties, **found}
    described = replace(after, properties=properties)
    return replace(
        described if written.change is None else written.change.made(described),
        status=Status.ACTIVE,
        locations=locations,  # one on an image without data is what an earlier failure left
        size=facts.size,
        virtual_size=facts.virtual_size,
        checksum=facts.checksum,
        os_hash_algo=facts.os_hash_algo,
        os_hash_value=facts.os_hash_value,
    )


def _unstaging(bench: Bench, job: Job) -> Lease:
    """What makes a worker remove the staged data if the step that does so never comes."""
    return Lease(
        image_id=job.image_id,
        kind=UNSTAGE_KIND,
        holder=bench.holder,
        store_id=STAGING,
        key=job.image_id,
        created_at=utcnow(),
        expires_at=lease_end(),
    )


async def readable(bench: Bench, image: Image, size: int) -> list[Copy]:
    """The image's copies in reading order, the first of which has just been found readable."""
    found: list[Copy] = []
    for location in bench.stores.for_reading(image.locations, lambda each: each.store):
        try:
            copy = Copy(*bench.stores.for_location(location.uri, location.metadata))
            if not found:
                await require_size(copy, size)
        except StoreError as error:
            _log.warning("a copy of image %s cannot be read: %s", image.id, error)
        else:
            found.append(copy)
    if not found:
        raise NothingReadable(f"No copy of image {image.id} can be read now.")
    return found


def _names(text: str | None) -> list[str]:
    return [name for name in (text or "").split(",") if name]
