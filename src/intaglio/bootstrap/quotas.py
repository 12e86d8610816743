"""What `intaglio quota` shows and repairs: sums and limits of projects, read outside any running service."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from intaglio.bootstrap.settings import Settings
from intaglio.bootstrap.wiring import make_limit_source
from intaglio.db.base import Database
from intaglio.db.engine import open_database
from intaglio.db.repos import usage
from intaglio.db.repos.usage import Taken
from intaglio.domain.quota import RESOURCES, LimitSource
from intaglio.services import recount as proof
from intaglio.services.recount import Drift

T = TypeVar("T")


class Line(msgspec.Struct, frozen=True):
    """One resource of a project; `limit` is None when there is none. Bytes for `stored` and `staged`."""

    used: int
    reserved: int
    limit: int | None


def show(settings: Settings, project: str | None) -> dict[str, dict[str, Line]]:
    """For each project, or that one: each resource's use. "" is the images without an owner."""

    async def work(database: Database) -> dict[str, dict[str, Line]]:
        source = make_limit_source(settings)
        everyone = dict(await database.read(usage.everyone))
        names = sorted(everyone) if project is None else [project]
        try:
            return {name: await _lines(source, name, everyone.get(name, Taken())) for name in names}
        finally:
            await source.close()

    return _on_database(settings, work)


def recount(settings: Settings, *, fix: bool) -> list[Drift]:
    """The projects whose sums were wrong; with `fix` they are right now."""
    return _on_database(settings, proof.repair if fix else proof.drifts)


async def _lines(source: LimitSource, project: str, taken: Taken) -> dict[str, Line]:
    limits = await source.of(project)
    return {
        name: Line(taken.used.of(name), taken.of(name) - taken.used.of(name), limits.of(name)) for name in RESOURCES
    }


def _on_database(settings: Settings, work: Callable[[Database], Awaitable[T]]) -> T:
    async def main() -> T:
        database = open_database(settings.database)
        try:
            await database.check()
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(main())
