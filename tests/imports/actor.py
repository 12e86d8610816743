"""A process as it is, but that it notes what it does, and stops for ever where the file `hang` says so.

Points are named `<step>:before`, `<step>:after` (done, but not in the journal yet), `delete:before` and `delete:after`
of an object in a store, and `put:inside`, which is when a store has read its first piece, or `stage:<what>` when it is
the staging store. A store whose id stands in the file `full` takes nothing. Parts of downloads are small, and a worker
looks for work more often.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from intaglio.bootstrap import jobs
from intaglio.bootstrap.settings import Settings
from intaglio.flows import runtime
from intaglio.imports import location, plans, watch
from intaglio.imports.staged import StagedSource
from intaglio.imports.steps import begin, fetch, undo
from intaglio.stores.base import Chunk, Full, Stat
from intaglio.stores.drivers.file import FileStore
from intaglio.stores.settings import STAGING
from intaglio.worker.loop import run_jobs

SMALL_PART = 1 << 19


class Actor:
    def __init__(self, home: Path, name: str) -> None:
        self.home = home
        self.name = name

    def read(self, name: str) -> str:
        file = self.home / name
        return file.read_text() if file.exists() else ""

    async def point(self, where: str) -> None:
        with (self.home / "notes").open("a", encoding="utf-8") as file:
            file.write(f"{self.name} {where}\n")
        while self.read("hang") == where:  # noqa: ASYNC110 - another process changes the file
            await asyncio.sleep(0.02)

    def step(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        async def noted(*given: Any, **named: Any) -> Any:
            await self.point(f"{name}:before")
            done = await work(*given, **named)
            await self.point(f"{name}:after")
            return done

        return noted

    def put(self, real: Callable[..., Any]) -> Callable[..., Any]:
        async def noted(store: Any, key: str, chunks: AsyncIterator[Chunk], size_hint: int | None = None) -> Stat:
            if store._id in self.read("full").split():
                raise Full("There is no space left.")

            async def pieces() -> AsyncIterator[Chunk]:
                first = True
                async for chunk in chunks:
                    yield chunk
                    if first:
                        what = key.rpartition(".")[2]
                        await self.point(f"stage:{what}" if store._id == STAGING else "put:inside")
                    first = False

            done: Stat = await real(store, key, pieces(), size_hint)
            return done

        return noted

    def delete(self, real: Callable[..., Any]) -> Callable[..., Any]:
        async def noted(store: Any, key: str) -> None:
            if store._id == STAGING:
                await real(store, key)
                return
            await self.point("delete:before")
            await real(store, key)
            await self.point("delete:after")

        return noted

    def read_staged(self, real: Callable[..., Any]) -> Callable[..., Any]:
        """Of data that are converted: `read:inside` is at the third piece that is read of them."""
        reads = itertools.count(1)

        async def noted(source: Any, offset: int, length: int) -> bytes:
            if next(reads) >= 3 and self.read("hang") == "read:inside":
                await self.point("read:inside")
            data: bytes = await real(source, offset, length)
            return data

        return noted

    def take_the_stage(self) -> None:
        hurried: Any = runtime
        hurried._POLL_SECONDS = 0.05
        jobs.TASKS_SECONDS = 0.1
        watch.BEAT_SECONDS = 0.2
        steps: Any = plans.STEPS
        for name, work in list(steps.items()):
            steps[name] = self.step(name, work)
        fetch.PART = SMALL_PART
        for name in ("_begin", "_look", "_activate", "_digest", "_undo"):  # of adding a location
            setattr(location, name, self.step(f"location{name}", getattr(location, name)))
        begin.run = self.step("begin", begin.run)
        undo.run = self.step("undo", undo.run)
        FileStore.delete = self.delete(FileStore.delete)  # type: ignore[method-assign]
        StagedSource.read = self.read_staged(StagedSource.read)  # type: ignore[method-assign]  # that of this process
        FileStore.put = self.put(FileStore.put)  # type: ignore[method-assign]  # that of this process alone


async def main(home: Path, name: str, settings: Callable[[], Settings]) -> None:
    """The life of a worker, from a fork to its end; then there is a file `left-` and its name."""
    actor = Actor(home, name)
    actor.take_the_stage()
    stop = asyncio.Event()
    async with jobs.make_jobs(settings()) as periodic:
        working = asyncio.create_task(run_jobs(periodic, stop))
        while not (home / f"stop-{name}").exists():  # noqa: ASYNC110 - another process makes the file
            await asyncio.sleep(0.05)
        stop.set()
        await working
    (home / f"left-{name}").touch()
