"""Puts the parts together: the only module that knows every concrete one."""

import asyncio
import contextlib
import importlib
import itertools
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

from starlette.types import ASGIApp

from intaglio.api import metrics
from intaglio.api.app import Lifespan, make_application
from intaglio.api.rates import Limiter
from intaglio.authz.engine import PolicyEngine
from intaglio.authz.files import PolicyFiles
from intaglio.authz.property_access import PropertyProtection
from intaglio.base.clock import utcnow
from intaglio.base.metrics import Counts
from intaglio.base.process import this_process
from intaglio.bootstrap.custom_schema import custom_properties
from intaglio.bootstrap.settings import Settings
from intaglio.bootstrap.signature_settings import castellan_configuration
from intaglio.db.engine import open_database
from intaglio.db.repos import receipts as receipts_repo
from intaglio.db.repos import tasks as tasks_repo
from intaglio.domain.quota import LimitSource, StorageQuota
from intaglio.identity.base import Authenticator
from intaglio.identity.http_basic import HttpBasic
from intaglio.identity.keystone import Keystone
from intaglio.identity.none import NoAuthentication
from intaglio.identity.regions import Regions, Seal
from intaglio.identity.settings import AuthMode
from intaglio.identity.trusted_proxy import TrustedProxy
from intaglio.identity.unified_limits import KeystoneLimits
from intaglio.identity.users import UsersFile
from intaglio.imports import plugins
from intaglio.imports.base import Bench
from intaglio.ingest.door import Door
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
from intaglio.services.changes import Changes
from intaglio.services.import_room import ImportRoom
from intaglio.services.marks import Marks
from intaglio.services.osinfo import OsinfoDatabase
from intaglio.services.parts import Parts
from intaglio.services.settings import ReceiptSettings, UpkeepSettings
from intaglio.services.signers import Signers
from intaglio.signatures.base import Asker, Certificates, CertificatesUnavailable
from intaglio.signatures.directory import CertificateDirectory
from intaglio.signatures.keyring import Keyring
from intaglio.signatures.own import OwnKey
from intaglio.signatures.own_certificates import OwnCertificates
from intaglio.signatures.own_signing import OwnSigner
from intaglio.signatures.settings import SignatureSettings, Source
from intaglio.signatures.verification import Verification
from intaglio.stores import counted, registry
from intaglio.stores.base import StoreError
from intaglio.worker import catalog
from intaglio.worker.loop import PeriodicJob

_log = logging.getLogger(__name__)

RECOVERY_SECONDS = 5
SWEEP_SECONDS = 600
REMIND_SECONDS = 3600
TASKS_SECONDS = 0.5
FORGET_SECONDS = 60
EXPIRY_SECONDS = 300
MARKS_SECONDS = 5
INDEX_SECONDS = 300
TENANTS_SECONDS = 30
RECEIPTS_SECONDS = 1
MISSING_RECEIPTS_SECONDS = 3600
VERIFY_COPIES_SECONDS = 60


def make_parts(settings: Settings) -> Parts:
    """The parts of one process; nothing is connected yet."""
    policy = PolicyEngine(files=PolicyFiles(settings.policy))
    database = open_database(settings.database)
    ids = [store.id for store in settings.stores.stores]
    kinds = (metrics.families(), counted.families(ids), reverification.families(ids), catalog.families())
    counts = Counts(tuple(itertools.chain.from_iterable(kinds)))
    own_key = OwnKey(settings.signatures.service_key)
    certificates = make_certificates(settings.signatures, own_key)
    verification = Verification(settings.signatures, certificates, Signers(database).keep)
    parts = Parts(
        database=database,
        changes=Changes(database, settings.events.event_streams),
        stores=registry.build(settings.stores, counts),
        staging=registry.build_one(settings.staging),
        door=Door(),
        policy=policy,
        protection=PropertyProtection(settings.policy, policy),
        limits=settings.limits,
        quotas=make_limit_source(settings),
        format_settings=settings.formats,
        ingest_settings=settings.ingest,
        metadef_settings=settings.metadefs,
        task_settings=settings.tasks,
        deletion=settings.deletion,
        osinfo=OsinfoDatabase(settings.metadefs.osinfo_path),
        holder=this_process(),
        custom=custom_properties(settings.custom_schema),
        outbound=settings.outbound,
        plugins=settings.plugins,
        counts=counts,
        verification=verification,
        own_signer=OwnSigner(own_key, certificates, verification),
        receipts=ReceiptSettings(
            write=settings.signatures.receipts,
            show_locations=settings.api.show_image_direct_url or settings.api.show_multiple_locations,
        ),
        own_key=own_key,
        keyring=Keyring(settings.signatures.upstream_keys, callers=settings.signatures.callers_keys),
        seal=make_seal(settings),
    )
    tenancy.introduce(parts)
    return parts


def make_certificates(settings: SignatureSettings, own_key: OwnKey) -> OwnCertificates:
    """Signers' certificates from where the operator keeps them, and the service's own."""
    directory = CertificateDirectory(settings.certificate_dir)
    others = directory if settings.certificates is Source.DIRECTORY else _KeyManager(settings)
    return OwnCertificates(own_key, directory, others, settings.service_certificate_id)


class _KeyManager:
    """The key manager, whose client is loaded when the first signed image comes: that takes more than a second."""

    def __init__(self, settings: SignatureSettings) -> None:
        self._settings = settings
        self._made: Certificates | None = None
        self._making = asyncio.Lock()

    async def fetch(self, certificate_id: str, asker: Asker) -> bytes:
        async with self._making:
            if self._made is None:
                self._made = await asyncio.to_thread(self._load)
        return await self._made.fetch(certificate_id, asker)

    def _load(self) -> Certificates:
        try:
            module = importlib.import_module("intaglio.signatures.key_manager")
            wanted = self._settings.key_manager
            made: Certificates = module.KeyManager(wanted, castellan_configuration(wanted.files))
        except ImportError as error:
            raise CertificatesUnavailable(
                f"The key manager cannot be asked, for {error.name} is not installed; the operator installs "
                "intaglio[keymanager], or sets [image_signature_verification] certificates."
            ) from None
        return made

    async def close(self) -> None:
        if self._made is not None:
            await self._made.close()


def make_limit_source(settings: Settings) -> LimitSource:
    """Where the limits of projects come from."""
    if settings.unified_limits is not None:
        asking = importlib.import_module("intaglio.identity.limits_session")
        return KeystoneLimits(asking.LimitsSession(settings.unified_limits))
    return StorageQuota(settings.limits.user_storage_quota)


async def prepare_parts(parts: Parts) -> Marks:
    """Make stores usable; one that is not is said so, and the service starts without it. What is still to be set up."""
    marks = Marks(parts)
    await marks.settle()
    for store_id, error in (await parts.stores.prepare()).items():
        _log.error("store %s: %s", store_id, error)
    try:
        await parts.staging.prepare()
    except StoreError as error:
        _log.error("staging: %s", error)
    return marks


async def close_parts(parts: Parts) -> None:
    """Release what the parts hold."""
    parts.door.close()
    parts.counts.close()
    await parts.quotas.close()
    await parts.verification.close()
    await parts.stores.close()
    await parts.staging.close()
    await parts.database.close()


def make_authenticator(settings: Settings) -> Authenticator:
    """The operator's way of finding out who asks."""
    identity = settings.identity
    if identity.mode is AuthMode.NONE:
        return NoAuthentication()
    if identity.mode is AuthMode.TRUSTED_PROXY:
        return TrustedProxy(identity.trusted_proxies, www_authenticate_uri=identity.www_authenticate_uri)
    if identity.mode is AuthMode.KEYSTONE and identity.keystone is not None:
        # By name, because importing keystoneauth costs half a second that the other ways do not need.
        asking = importlib.import_module("intaglio.identity.keystone_session")
        return Keystone(identity.keystone, asking.KeystoneSession(identity.keystone))
    return HttpBasic(UsersFile(identity.users_file))


def make_app(settings: Settings) -> ASGIApp:
    """The API as an ASGI application, parts and all."""
    parts = make_parts(settings)
    authenticator = make_authenticator(settings)
    limiter = Limiter(settings.rates)

    settling: list[asyncio.Task[None]] = []

    async def start() -> None:
        parts.counts.share(settings.serve.metrics)
        settling.append(asyncio.create_task(_settle_all(await prepare_parts(parts))))

    async def stop() -> None:
        for task in settling:
            task.cancel()
        await authenticator.close()
        await limiter.close()
        await close_parts(parts)

    app = make_application(parts, settings.api, authenticator, limiter, cors=settings.cors)
    return Lifespan(app, start=start, stop=stop)


async def _settle_all(marks: Marks) -> None:
    while not await marks.settle():  # noqa: ASYNC110 - what is waited for is somebody's mount
        await asyncio.sleep(MARKS_SECONDS)


def make_seal(settings: Settings) -> Seal | None:
    """What keeps users' tokens for imports from other regions; None where there are no such imports."""
    keystone = settings.identity.keystone
    if keystone is None or "glance-download" not in settings.api.enabled_import_methods:
        return None
    seal: Seal | None = importlib.import_module("intaglio.identity.sealing").seal_of(keystone.login)
    return seal


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
