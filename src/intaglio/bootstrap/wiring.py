"""Puts the parts of a process together: with `jobs`, what knows every concrete one."""

import asyncio
import importlib
import itertools
import logging

from starlette.types import ASGIApp

from intaglio.api import metrics
from intaglio.api.app import Lifespan, make_application
from intaglio.api.rates import Limiter
from intaglio.authz.engine import PolicyEngine
from intaglio.authz.files import PolicyFiles
from intaglio.authz.property_access import PropertyProtection
from intaglio.base.metrics import Counts
from intaglio.base.process import this_process
from intaglio.bootstrap.certificates import make_certificates
from intaglio.bootstrap.custom_schema import custom_properties
from intaglio.bootstrap.settings import Settings
from intaglio.db.engine import open_database
from intaglio.domain.quota import LimitSource, StorageQuota
from intaglio.identity.base import Authenticator
from intaglio.identity.http_basic import HttpBasic
from intaglio.identity.keystone import Keystone
from intaglio.identity.none import NoAuthentication
from intaglio.identity.regions import Seal
from intaglio.identity.settings import AuthMode
from intaglio.identity.trusted_proxy import TrustedProxy
from intaglio.identity.unified_limits import KeystoneLimits
from intaglio.identity.users import UsersFile
from intaglio.ingest.door import Door
from intaglio.services import (
    reverification,
    tenancy,
)
from intaglio.services.changes import Changes
from intaglio.services.marks import Marks
from intaglio.services.osinfo import OsinfoDatabase
from intaglio.services.parts import Parts
from intaglio.services.settings import ReceiptSettings
from intaglio.services.signers import Signers
from intaglio.signatures.keyring import Keyring
from intaglio.signatures.own import OwnKey
from intaglio.signatures.own_signing import OwnSigner
from intaglio.signatures.verification import Verification
from intaglio.stores import counted, registry
from intaglio.stores.base import StoreError
from intaglio.worker import catalog

_log = logging.getLogger(__name__)

MARKS_SECONDS = 5
"""How often it is looked whether a directory that is not a store's yet, or not there, is now."""


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
