"""Puts the parts together: the only module that knows every concrete one."""

import logging
from collections.abc import Sequence

from starlette.types import ASGIApp

from intaglio.api.app import Lifespan, make_application
from intaglio.authz.engine import PolicyEngine
from intaglio.base.process import this_process
from intaglio.bootstrap.settings import Settings
from intaglio.db.engine import open_database
from intaglio.identity.base import Authenticator
from intaglio.identity.http_basic import HttpBasic
from intaglio.identity.none import NoAuthentication
from intaglio.identity.settings import AuthMode
from intaglio.identity.users import UsersFile
from intaglio.ingest.door import Door
from intaglio.services import recovery, search_index
from intaglio.services.parts import Parts
from intaglio.stores import registry
from intaglio.worker.loop import PeriodicJob

_log = logging.getLogger(__name__)

RECOVERY_SECONDS = 5
SWEEP_SECONDS = 600
INDEX_SECONDS = 300


def make_parts(settings: Settings) -> Parts:
    """The parts of one process; nothing is connected yet."""
    return Parts(
        database=open_database(settings.database),
        stores=registry.build(settings.stores),
        door=Door(),
        policy=PolicyEngine(),
        limits=settings.limits,
        format_settings=settings.formats,
        ingest_settings=settings.ingest,
        holder=this_process(),
    )


async def prepare_parts(parts: Parts) -> None:
    """Make stores usable; one that is not is said so, and the service starts without it."""
    for store_id, error in (await parts.stores.prepare()).items():
        _log.error("store %s: %s", store_id, error)


async def close_parts(parts: Parts) -> None:
    """Release what the parts hold."""
    parts.door.close()
    await parts.stores.close()
    await parts.database.close()


def make_authenticator(settings: Settings) -> Authenticator:
    """The operator's way of finding out who asks."""
    if settings.identity.mode == AuthMode.NONE:
        return NoAuthentication()
    return HttpBasic(UsersFile(settings.identity.users_file))


def make_app(settings: Settings) -> ASGIApp:
    """The API as an ASGI application, parts and all."""
    parts = make_parts(settings)
    authenticator = make_authenticator(settings)

    async def start() -> None:
        await prepare_parts(parts)

    async def stop() -> None:
        await authenticator.close()
        await close_parts(parts)

    return Lifespan(make_application(parts, settings.api, authenticator), start=start, stop=stop)


def make_jobs(settings: Settings) -> Sequence[PeriodicJob]:
    """What the worker does again and again."""
    parts = make_parts(settings)

    async def recover() -> None:
        await recovery.recover(parts)

    async def sweep() -> None:
        await recovery.sweep_stores(parts)

    async def index() -> None:
        await search_index.catch_up(parts)

    return (
        PeriodicJob("recover", RECOVERY_SECONDS, recover),
        PeriodicJob("sweep", SWEEP_SECONDS, sweep),
        PeriodicJob("index", INDEX_SECONDS, index),
    )
