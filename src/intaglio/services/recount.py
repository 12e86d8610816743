"""Proving the sums of what projects use against the images themselves, and setting right those that are wrong.

They can be wrong after a Glance wrote to the same database: it knows nothing of them.
"""

import logging
from functools import partial

import msgspec

from intaglio.db.base import Connection, Database
from intaglio.db.repos import reservations, usage, usage_counts
from intaglio.db.repos.usage import Taken
from intaglio.domain.quota import NOTHING

_log = logging.getLogger(__name__)


class Drift(msgspec.Struct, frozen=True):
    """A project whose kept sums are not what its images say. `project` is "" for images without an owner."""

    project: str
    kept: Taken
    found: Taken


async def drifts(database: Database) -> list[Drift]:
    """Every project whose sums are wrong, as one moment shows them. The cost grows with the number of images."""

    async def work(conn: Connection) -> list[Drift]:
        kept = await usage.everyone(conn)
        used = await usage_counts.counted(conn)
        held = await usage_counts.reserved(conn)
        found = {project: Taken(used=used.get(project, NOTHING), **held.get(project, {})) for project in {*used, *held}}
        pairs = ((name, kept.get(name, Taken()), found.get(name, Taken())) for name in sorted({*kept, *found}))
        return [Drift(*pair) for pair in pairs if pair[1] != pair[2]]

    return await database.read(work)


async def repair(database: Database) -> list[Drift]:
    """Set right the sums that are wrong, a project at a time while the service runs; what was changed."""
    repaired = []
    for drift in await drifts(database):
        now = await database.write(partial(_recount, project=drift.project))
        if now is not None:
            repaired.append(now)
    return repaired


async def check(database: Database) -> None:
    """Repair, and say in the log what was wrong."""
    for drift in await repair(database):
        _log.warning(
            "the usage of project %r was kept as %s and is %s: something else wrote to its images",
            drift.project,
            _words(drift.kept),
            _words(drift.found),
        )


async def _recount(conn: Connection, project: str) -> Drift | None:
    # Locked first: whoever changes an image of the project later adds to what is set here, whoever did before is seen.
    kept = await usage.locked(conn, project)
    await reservations.remove_orphans(conn, project)
    held = await usage_counts.reserved_for(conn, project)
    found = Taken(used=await usage_counts.counted_for(conn, project), **held)
    if found == kept:
        return None
    await usage.replace(conn, project, found)
    return Drift(project, kept, found)


def _words(taken: Taken) -> str:
    values = msgspec.structs.asdict(taken) | msgspec.structs.asdict(taken.used)
    del values["used"]
    return ", ".join(f"{name} {value}" for name, value in values.items() if value) or "nothing"
