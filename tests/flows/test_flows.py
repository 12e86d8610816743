"""Flows outlive the processes that run them: killed, stopped, frozen; on SQLite and with two workers on PostgreSQL."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from intaglio.db.engine import open_database
from intaglio.db.migrations import upgrade
from intaglio.db.repos import workers
from intaglio.db.settings import DatabaseSettings
from intaglio.flows.runtime import JournalUnavailable, Runtime
from intaglio.flows.settings import FlowSettings
from intaglio.flows.takeover import SILENCE_SECONDS, Watch
from tests.starters.base import ROOT, wait_until
from tests.starters.databases import Databases

pytestmark = pytest.mark.anyio
on_sqlite = pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
on_both = pytest.mark.parametrize("databases", ["sqlite", "postgresql"], indirect=True)
OUTCOME = "f1 saw one 2 and last: Not this one. (refused-here)"


class Stage:
    """Where actors play; each is a process."""

    def __init__(self, home: Path, connection: str, journal: str) -> None:
        self.home = home
        self.connection = connection
        self.journal = journal
        self.actors: dict[str, subprocess.Popen[bytes]] = {}

    def enter(self, name: str, begin: str = "") -> None:
        words: list[str | Path] = [self.home, name, self.journal, self.connection, begin]
        with (self.home / "errors").open("ab") as errors:
            self.actors[name] = subprocess.Popen(
                [sys.executable, "-m", "tests.flows.actor", *words], cwd=ROOT, stderr=errors
            )

    def notes(self) -> list[str]:
        with contextlib.suppress(FileNotFoundError):
            return (self.home / "notes").read_text().splitlines()
        return []

    def await_note(self, text: str) -> None:
        def noted() -> bool:
            for name, actor in self.actors.items():
                assert actor.poll() in {None, 0, -signal.SIGKILL}, (name, (self.home / "errors").read_text())
            return text in self.notes()

        wait_until(noted, f"the note {text!r} among {self.notes()}")

    def signal(self, name: str, number: signal.Signals) -> None:
        os.kill(self.actors[name].pid, number)

    def kill(self, name: str) -> None:
        self.actors[name].kill()
        self.actors[name].wait()

    def leave(self, name: str) -> None:
        (self.home / f"stop-{name}").touch()
        assert self.actors[name].wait(20) == 0, (self.home / "errors").read_text()

    def go(self) -> None:
        (self.home / "go").touch()


@pytest.fixture
async def play(tmp_path: Path, databases: Databases) -> AsyncIterator[Stage]:
    settings = databases.empty()
    await upgrade(settings)
    journal = f"sqlite:///{tmp_path}/journal.sqlite"
    if databases.kind == "postgresql":
        journal = databases.empty().connection
    stage = Stage(tmp_path, settings.connection, journal)
    yield stage
    for actor in stage.actors.values():
        actor.kill()
        actor.wait()


@on_sqlite
async def test_killed_in_a_step_it_goes_on_elsewhere(play: Stage) -> None:
    play.enter("ann", begin="f1")
    play.await_note("ann: middle begins")
    play.kill("ann")
    play.go()
    play.enter("bob")
    play.await_note(f"bob: {OUTCOME}")
    did = [line for line in play.notes() if "ready" not in line]
    assert did == [
        "ann: first",
        "ann: middle begins",
        "bob: middle begins",
        "bob: middle ends",
        "bob: last",
        f"bob: {OUTCOME}",
    ]


@on_both
async def test_a_colleague_that_is_there_already_takes_over(play: Stage) -> None:
    play.enter("ann", begin="f1")
    play.await_note("ann: middle begins")
    play.enter("bob")
    play.await_note("bob: ready")
    play.kill("ann")
    play.await_note("bob: middle begins")
    play.go()
    play.await_note(f"bob: {OUTCOME}")
    assert play.notes().count("ann: first") == 1
    assert "bob: first" not in play.notes()


@on_sqlite
async def test_stopped_it_tidies_up_and_goes_on_elsewhere(play: Stage) -> None:
    play.enter("ann", begin="f1")
    play.await_note("ann: middle begins")
    play.leave("ann")
    assert play.notes()[-1] == "ann: middle tidies up"
    play.go()
    play.enter("bob")
    play.await_note(f"bob: {OUTCOME}")


@on_sqlite
async def test_what_is_finished_is_not_begun_again(play: Stage) -> None:
    play.go()
    play.enter("ann", begin="f1")
    play.await_note(f"ann: {OUTCOME}")
    before = [line for line in play.notes() if "ready" not in line]
    play.leave("ann")
    play.enter("bob", begin="f1")
    play.await_note("bob: ready")
    play.enter("eve", begin="f2")
    play.await_note("eve: ready")
    wait_until(lambda: any("f2 saw" in line for line in play.notes()), "the other flow")
    assert [line for line in play.notes() if "f1" in line] == [f"ann: {OUTCOME}"]
    assert before == ["ann: first", "ann: middle begins", "ann: middle ends", "ann: last", f"ann: {OUTCOME}"]


@on_both
async def test_a_frozen_owner_loses_its_flow(play: Stage) -> None:
    play.enter("ann", begin="f1")
    play.await_note("ann: middle begins")
    play.signal("ann", signal.SIGSTOP)
    database = open_database(DatabaseSettings(connection=play.connection))
    (name,) = await database.read(workers.beats)
    await database.write(lambda conn: workers.strike(conn, name))  # as if it had been silent for long
    await database.close()
    play.enter("bob")
    play.await_note("bob: middle begins")
    play.go()
    play.await_note(f"bob: {OUTCOME}")
    play.signal("ann", signal.SIGCONT)
    play.await_note("ann: middle ends")
    play.leave("ann")
    assert "ann: last" not in play.notes()


class TestWatch:
    """Silence, seen with a clock that the test turns."""

    async def test_only_who_is_silent_is_dead(self, databases: Databases, tmp_path: Path) -> None:
        settings = databases.empty()
        await upgrade(settings)
        database = open_database(settings)
        runtime = Runtime(FlowSettings(journal=f"sqlite:///{tmp_path}/journal.sqlite"), [], "here")
        await runtime.start()
        now = 0.0
        here = Watch(database, runtime, "here", clock=lambda: now)
        there = Watch(database, runtime, "elsewhere:1:1", clock=lambda: now)
        await there.beat()
        await here.look()
        now = SILENCE_SECONDS - 1
        await there.beat()
        await here.look()
        now = 2 * SILENCE_SECONDS - 2
        await here.look()
        assert await known(settings) == {"here", "elsewhere:1:1"}
        now = 2 * SILENCE_SECONDS
        await here.look()
        assert await known(settings) == {"here"}
        await here.leave()
        assert await known(settings) == set()
        await runtime.stop()
        await database.close()


async def known(settings: DatabaseSettings) -> set[str]:
    database = open_database(settings)
    counts = await database.read(workers.beats)
    await database.close()
    return set(counts)


async def test_a_journal_that_does_not_open_says_so(tmp_path: Path) -> None:
    runtime = Runtime(FlowSettings(journal=f"sqlite:///{tmp_path}/absent/journal.sqlite"), [], "here")
    with pytest.raises(JournalUnavailable):
        await runtime.start()
