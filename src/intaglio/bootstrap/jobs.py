"""What the worker does again and again, and what the steps of imports work with."""

import contextlib
import importlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

from intaglio.base.clock import utcnow
from intaglio.bootstrap.settings import Settings
from intaglio.bootstrap.wiring import MARKS_SECONDS, close_parts, make_parts
from intaglio.db.repos import receipts as receipts_repo
from intaglio.db.repos import tasks as tasks_repo
from intaglio.identity.regions import Regions
from intaglio.imports import plugins
from intaglio.imports.base import Bench
from intaglio.services import (
    expiry,
    kept,
    receipts,
    recount,
    recovery,
    reverification,
    search_index,
    staging,
    stuck,
    tasks,
    tenancy,
)
from intaglio.services.import_room import ImportRoom
from intaglio.services.marks import Marks
from intaglio.services.parts import Parts
from intaglio.services.settings import UpkeepSettings
from intaglio.worker import catalog
from intaglio.worker.loop import PeriodicJob

RECOVERY_SECONDS = 5
SWEEP_SECONDS = 600
REMIND_SECONDS = 3600
TASKS_SECONDS = 0.5
FORGET_SECONDS = 60
EXPIRY_SECONDS = 300
INDEX_SECONDS = 300
TENANTS_SECONDS = 30
RECEIPTS_SECONDS = 1
MISSING_RECEIPTS_SECONDS = 3600
VERIFY_COPIES_SECONDS = 60


def make_regions(settings: Settings) -> Regions | None:
    """What says where other regions are."""
    keystone = settings.identity.keystone
    if keystone is None or "glance-download" not in settings.api.enabled_import_methods:
        return None
    asking = importlib.import_module("intaglio.identity.regions_session")
    regions: Regions = asking.KeystoneRegions(keystone)
    return regions


def make_bench(parts: Parts, settings: Settings) -> Bench:
    """What the steps of imports work with."""
    # By name, because importing aiohttp takes a while that processes without imports do not need.
    fetching = importlib.import_module("intaglio.outbound.fetcher")
    return Bench(
        database=parts.database,
        stores=parts.stores,
        staging=parts.staging,
        door=parts.door,
        formats=parts.format_settings,
        hashing_algorithm=parts.ingest_settings.hashing_algorithm,
        size_cap=parts.limits.image_size_cap,
        holder=parts.holder,
        task_hours=parts.task_settings.task_time_to_live,
        fetcher=fetching.HttpFetcher(parts.outbound),
        patience=parts.outbound.patience,
        room=ImportRoom(parts),
        verification=parts.verification,
        own_key=parts.own_key,
        own_signer=parts.own_signer,
        keyring=parts.keyring,
        regions=make_regions(settings),
        seal=parts.seal,
        copied_properties=settings.copied_properties,
        secure_hash=settings.ingest.do_secure_hash,
        location_attempts=settings.ingest.http_retries,
        property_quota=parts.limits.image_property_quota,
        unpacking=parts.plugins.unpacking,
        conversion=parts.plugins.conversion,
        introspects=parts.plugins.introspects,
        ovf=parts.plugins.ovf,
        plugins=plugins.load(parts.plugins.foreign),
    )


class _Tasks:
    """The tasks of one worker: what runs them is loaded when there are some, for that takes a second."""

    def __init__(self, parts: Parts, settings: Settings) -> None:
        self._parts = parts
        self._settings = settings
        self._runner: Any = None

    async def tend(self) -> None:
        if self._runner is None:
            if not await self._parts.database.read(tasks_repo.unfinished):
                return
            module = importlib.import_module("intaglio.worker.tasks")
            bench = make_bench(self._parts, self._settings)
            self._runner = module.TaskRunner(self._parts.database, bench, self._settings.flows)
        await self._runner.tend()

    async def expire(self) -> None:
        await staging.expire_staged(self._parts)
        while expired := await tasks.expire(self._parts):
            for task_id in expired:
                if self._runner is not None:
                    await self._runner.forget(task_id)

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.stop()


class _Receipts:
    """The receipts of one worker: what signs them is loaded when there are some to write."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._writer: Any = None

    async def tend(self) -> None:
        if self._writer is None:
            if not await self._parts.database.read(lambda conn: receipts_repo.waiting(conn, utcnow())):
                return
            self._writer = importlib.import_module("intaglio.services.receipt_writing").Receipts(self._parts)
        await self._writer.tend()

    async def reconcile(self) -> None:
        await receipts.reconcile(self._parts)


def _receipt_jobs(parts: Parts) -> Sequence[PeriodicJob]:
    if not parts.receipts.write:
        return ()
    own = _Receipts(parts)
    return (
        PeriodicJob("receipts", RECEIPTS_SECONDS, own.tend),
        PeriodicJob("missing-receipts", MISSING_RECEIPTS_SECONDS, own.reconcile),
    )


def _reading_back(parts: Parts, upkeep: UpkeepSettings) -> Sequence[PeriodicJob]:
    if not upkeep.verify_copies_days:
        return ()
    own = reverification.Reverification(
        parts, days=upkeep.verify_copies_days, mebibytes_per_second=upkeep.verify_copies_mib
    )
    return (PeriodicJob("verify-copies", min(VERIFY_COPIES_SECONDS, upkeep.verify_copies_days * 86400), own.tend),)


def _for_tenants(parts: Parts) -> Sequence[PeriodicJob]:
    """Nothing where no store keeps images in their projects' own accounts."""
    if not tenancy.tenanted(parts):
        return ()
    return (PeriodicJob("tenants", TENANTS_SECONDS, tenancy.CatchUp(parts).look),)


def _on_a_timetable(parts: Parts, settings: Settings) -> Sequence[PeriodicJob]:
    """Nothing where the operator names no definitions of images."""
    if settings.catalog is None:
        return ()
    runs = catalog.CatalogRuns(parts.database, settings.catalog, parts.counts)
    return (PeriodicJob("catalog", catalog.LOOK_SECONDS, runs.tend),)


@contextlib.asynccontextmanager
async def make_jobs(settings: Settings) -> AsyncIterator[Sequence[PeriodicJob]]:
    """What the worker does again and again, and the parts that this takes, until the block ends."""
    parts = make_parts(settings)
    parts.counts.share(settings.serve.metrics)
    own_tasks = _Tasks(parts, settings)
    own_recovery = recovery.Recovery(parts)

    async def scrub() -> None:
        await kept.scrub(parts)

    async def remind() -> None:
        await recovery.remind(parts)
        await stuck.remind(parts)

    async def sweep() -> None:
        await recovery.sweep_stores(parts)

    async def expire() -> None:
        await expiry.expire_empty(parts, upkeep.expire_empty_after_hours)

    async def prove_usage() -> None:
        await recount.check(parts.database)

    async def index() -> None:
        await search_index.catch_up(parts)

    async def settle_marks() -> None:
        await marks.settle()

    marks = Marks(parts)
    await marks.settle()  # before anything is taken from a store
    upkeep = settings.upkeep
    jobs = [
        PeriodicJob("marks", MARKS_SECONDS, settle_marks),
        PeriodicJob("recover", RECOVERY_SECONDS, own_recovery.tend),
        PeriodicJob("sweep", SWEEP_SECONDS, sweep),
        PeriodicJob("scrub", max(1, settings.deletion.wakeup_time), scrub),
        PeriodicJob("remind", REMIND_SECONDS, remind),
        PeriodicJob("index", INDEX_SECONDS, index),
        PeriodicJob("tasks", TASKS_SECONDS, own_tasks.tend),
        PeriodicJob("forget", FORGET_SECONDS, own_tasks.expire),
        *_receipt_jobs(parts),
        *_reading_back(parts, upkeep),
        *_for_tenants(parts),
        *_on_a_timetable(parts, settings),
    ]
    if upkeep.expire_empty_after_hours:
        jobs.append(PeriodicJob("expire", EXPIRY_SECONDS, expire))
    if upkeep.usage_check_seconds:
        jobs.append(PeriodicJob("usage", upkeep.usage_check_seconds, prove_usage))
    try:
        yield jobs
    finally:
        await own_tasks.stop()
        await own_recovery.stop()
        await close_parts(parts)
