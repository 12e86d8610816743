"""A process that runs one flow of three steps and notes what it does, a line a fact, in a file."""

import asyncio
import sys
from pathlib import Path

from intaglio.base.errors import Conflict
from intaglio.base.process import this_process
from intaglio.db.engine import open_database
from intaglio.db.settings import DatabaseSettings
from intaglio.flows.base import Flow, StepFailed
from intaglio.flows.journal import step
from intaglio.flows.runtime import Runtime
from intaglio.flows.settings import FlowSettings
from intaglio.flows.takeover import Watch


class Refused(Conflict):
    """What the third step ends in."""

    code = "refused-here"


class Actor:
    """The name goes before every line; the middle step ends when the file `go` is there."""

    def __init__(self, home: Path, name: str) -> None:
        self.home = home
        self.name = name

    def note(self, text: str) -> None:
        with (self.home / "notes").open("a", encoding="utf-8") as file:
            file.write(f"{self.name}: {text}\n")

    async def first(self) -> str:
        self.note("first")
        return "one"

    async def middle(self) -> int:
        self.note("middle begins")
        try:
            while not (self.home / "go").exists():  # noqa: ASYNC110 - another process makes the file
                await asyncio.sleep(0.02)
        except asyncio.CancelledError:
            self.note("middle tidies up")
            raise
        self.note("middle ends")
        return 2

    async def last(self) -> None:
        self.note("last")
        raise Refused("Not this one.")

    async def run(self, flow_id: str) -> None:
        one = await step("first", self.first)
        two = await step("middle", self.middle)
        try:
            await step("last", self.last)
        except StepFailed as failed:
            self.note(f"{flow_id} saw {one} {two} and {failed.step}: {failed} ({failed.reason_code})")


async def main(home: Path, name: str, journal: str, connection: str, begin: str) -> None:
    actor = Actor(home, name)
    database = open_database(DatabaseSettings(connection=connection))
    runtime = Runtime(FlowSettings(journal=journal), [Flow("three", actor.run)], this_process())
    watch = Watch(database, runtime, this_process())
    await runtime.start()
    await watch.beat()
    if begin:
        await runtime.begin("three", begin)
        await runtime.begin("three", begin)
    actor.note("ready")
    stop = home / f"stop-{name}"
    while not stop.exists():
        await watch.look()
        await asyncio.sleep(0.1)
    await runtime.stop()
    await database.close()


asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:6]))
