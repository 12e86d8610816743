"""Worker, API process or both are killed at random moments under mixed work; at the end nothing is stuck or left over.

30 kills by default. INTAGLIO_SOAK_KILLS=200 makes it long, INTAGLIO_SOAK_SEED another run.
"""

import asyncio
import contextlib
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from sqlalchemy import false, func, select

from intaglio.db.base import Connection
from intaglio.db.repos import leases
from intaglio.db.tables.images import images as image_rows
from intaglio.db.tables.images import locations
from intaglio.db.tables.tasks import tasks
from intaglio.db.tables.usage import reservations
from intaglio.services import recount
from intaglio.stores.drivers.file_marks import MARK
from tests.imports.soak import Clients
from tests.imports.source import serving
from tests.imports.stage import Stage, stage_at
from tests.starters.base import free_port, listening, wait_until

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

KILLS = int(os.environ.get("INTAGLIO_SOAK_KILLS", "30"))
SEED = int(os.environ.get("INTAGLIO_SOAK_SEED", "5"))


@pytest.fixture
async def play(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage_at(tmp_path, f"sqlite:///{tmp_path}/images.sqlite") as stage:
        text = stage.conf.read_text()
        text = text.replace("[DEFAULT]\n", "[DEFAULT]\nuser_storage_quota = 100000000\n")
        methods = "enabled_import_methods = [glance-direct,web-download,copy-image,glance-download]\n"
        text = text.replace("[intaglio]\n", "[intaglio]\nrate_limit_import =\n")
        stage.conf.write_text(text.replace("[DEFAULT]\n", f"[DEFAULT]\n{methods}"))
        yield stage


async def test_nothing_is_stuck_or_left_over(play: Stage) -> None:
    port = free_port()
    (play.home / "region").write_text(f"http://127.0.0.1:{port}")
    chance = random.Random(SEED)
    with serving() as source:
        source.data = chance.randbytes(600_000)
        await killed(play, source, chance, port)
        await quiet(play)
    assert await stuck(play) == {}
    assert await lost(play) == []
    assert await play.parts.database.read(_reserved) == 0
    assert await recount.drifts(play.parts.database) == []


async def killed(play: Stage, source: Any, chance: random.Random, port: int) -> None:
    """Work and kill; the last ones to be started stay."""
    play.troupe.enter("worker", port=None)
    play.troupe.enter("api", port=port)
    await anyio.to_thread.run_sync(wait_until, lambda: listening(port), "the API")
    tally: Counter[str] = Counter()
    with Clients(f"http://127.0.0.1:{port}", source, SEED) as clients:
        for _ in range(KILLS):
            names = chance.choice([("worker",), ("api",), ("worker", "api")])
            await _at_a_random_moment(play, clients, chance, names)
            play.troupe.kill(*names)
            for name in names:
                play.troupe.enter(name, port=port if name == "api" else None)
            tally[" and ".join(names)] += 1
        await asyncio.sleep(1)
    done = sum(number for what, number in clients.answers.items() if what.rpartition(" ")[2].startswith("2"))
    print(f"killed {dict(tally)}; {done} calls succeeded: {dict(sorted(clients.answers.items()))}")  # noqa: T201 - shown with -s
    assert done > KILLS, clients.answers


async def _at_a_random_moment(play: Stage, clients: Clients, chance: random.Random, names: tuple[str, ...]) -> None:
    """After some more work of those that are killed; how long that takes is the machine's affair."""
    notes = play.home / "notes"
    calls, points = clients.answered, notes.stat().st_size if notes.exists() else 0
    more_calls, more_points = (
        chance.randint(1, 12),
        chance.randint(1, 150),
    )  # calls; bytes of notes, of which one has 20

    def enough() -> bool:
        called = "api" not in names or clients.answered >= calls + more_calls
        return called and ("worker" not in names or (notes.exists() and notes.stat().st_size >= points + more_points))

    with contextlib.suppress(TimeoutError):  # there may be nothing to do for a worker
        await anyio.to_thread.run_sync(wait_until, enough, "some work", 2)
    await asyncio.sleep(chance.uniform(0, 0.1))


async def quiet(play: Stage) -> None:
    """Until every task has ended, nobody holds anything and no image is on its way, if that comes to be."""
    for _ in range(1800):
        if not await stuck(play):
            return
        await asyncio.sleep(0.1)


async def _open_tasks(conn: Connection) -> list[str]:
    unfinished = select(tasks.c.id).where(tasks.c.status.in_(["pending", "processing"]))
    return list((await conn.execute(unfinished)).scalars())


async def _reserved(conn: Connection) -> int:
    return int((await conn.execute(select(func.count()).select_from(reservations))).scalar_one())


async def stuck(play: Stage) -> dict[str, list[Any]]:
    """What is still under way, by what it is."""

    async def work(conn: Connection) -> dict[str, list[Any]]:
        busy = image_rows.c.status.in_(["saving", "importing"])
        statement = select(image_rows.c.id, image_rows.c.status).where(busy, image_rows.c.deleted == false())
        rows = await conn.execute(statement)
        found: dict[str, list[Any]] = {"images": [tuple(row) for row in rows], "tasks": await _open_tasks(conn)}
        found["leases"] = list(await leases.everyone(conn))
        return {name: each for name, each in found.items() if each}

    return await play.parts.database.read(work)


async def lost(play: Stage) -> list[str]:
    """Files that no image has, and images whose files are not there."""

    async def work(conn: Connection) -> tuple[set[str], set[str]]:
        named = (locations.c.deleted == false(), locations.c.status == "active")
        places = (await conn.execute(select(locations.c.value).where(*named))).scalars()
        objects = {place.removeprefix("file://") for place in places}
        waiting = select(image_rows.c.id).where(image_rows.c.status == "uploading", image_rows.c.deleted == false())
        return objects, set((await conn.execute(waiting)).scalars())

    objects, waiting = await play.parts.database.read(work)
    there = {str(path) for path in (play.home / "stores").rglob("*") if path.is_file() and path.name != MARK}
    staged = {stat.key async for stat in play.parts.staging.list()}
    return sorted((objects ^ there) | (waiting ^ staged))
