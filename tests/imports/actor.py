"""A worker as it is, but that it notes what it does, and stops for ever where the file `hang` says so.

Points are named `<step>:before`, `<step>:after` (done, but not in the journal yet) and `put:inside`, which is when a
store has read its first piece, or `stage:<what>` when it is the staging store. A store whose id stands in the file
`full` takes nothing. Parts of downloads are small.
"""

import asyncio
import itertools
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from intaglio.bootstrap.load import load
from intaglio.bootstrap.sources import Sources
from intaglio.bootstrap.wiring import make_jobs
from intaglio.imports import plans
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
        async def noted(*given: Any) -> Any:
            await self.point(f"{name}:before")
            done = await work(*given)
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
        steps: Any = plans.STEPS
        for name, work in list(steps.items()):
            steps[name] = self.step(name, work)
        fetch.PART = SMALL_PART
        begin.run = self.step("begin", begin.run)
        undo.run = self.step("undo", undo.run)
        StagedSource.read = self.read_staged(StagedSource.read)  # type: ignore[method-assign]  # that of this process
        FileStore.put = self.put(FileStore.put)  # type: ignore[method-assign]  # that of this process alone


async def main(home: Path, name: str, conf: Path) -> None:
    actor = Actor(home, name)
    actor.take_the_stage()
    stop = asyncio.Event()
    async with make_jobs(load(Sources(files=(conf,)))) as jobs:
        working = asyncio.create_task(run_jobs(jobs, stop))
        while not (home / f"stop-{name}").exists():  # noqa: ASYNC110 - another process makes the file
            await asyncio.sleep(0.05)
        stop.set()
        await working


asyncio.run(main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
