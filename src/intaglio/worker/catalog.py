"""Runs the image manager at the times that the operator set: once in a cluster, and again when its worker died.

A run is a task in the database whose id follows from the catalogue and the time: who records it first does it. While it
runs its task is touched again and again; a task that nobody touches any more is taken over, and the manager, which
continues what was interrupted, starts anew. The manager is a process of its own, as a timer would start it.
"""

import asyncio
import contextlib
import importlib
import json
import logging
import sys
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from intaglio.base.clock import utcnow
from intaglio.base.errors import IntaglioError, Invalid
from intaglio.base.metrics import Counts, Family
from intaglio.db.base import Connection, Database, WriteRefused
from intaglio.db.repos import tasks
from intaglio.domain.task import Task, TaskStatus, TaskType
from intaglio.worker.settings import CatalogSchedule

RUNS = "intaglio_catalog_runs_total"
LOOK_SECONDS = 20.0
BEAT_SECONDS = 15.0
SILENCE = timedelta(seconds=90)
LATE = timedelta(hours=24)
"""A run that nobody could begin at its time is made up for until then."""
COMMAND = (sys.executable, "-m", "intaglio", "catalog")

_NAMESPACE = uuid.UUID("6d5c2f0e-3f4b-4d0a-9a52-0d5f1c2b7a61")
_TOLD = 40  # names in a task's result, per kind
_GOOD = {"update": {0}, "plan": {0, 2}, "apply": {0}}
_USELESS = 3  # the exit code when the definitions are wrong: no further step can go well

_log = logging.getLogger(__name__)


class ScheduleInvalid(Invalid):
    """A timetable is no cron expression."""

    code = "schedule-invalid"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one command of a run."""

    step: str
    exit_code: int
    counts: dict[str, int]
    names: dict[str, list[str]] = {}
    message: str = ""

    @property
    def good(self) -> bool:
        """Whether all of it went well."""
        return self.exit_code in _GOOD[self.step]

    def __str__(self) -> str:
        said = ", ".join(f"{number} {kind}" for kind, number in self.counts.items()) or self.message or "nothing to do"
        return f"{self.step}: {said}"


def families() -> tuple[Family, ...]:
    """What is counted of runs."""
    return (Family(RUNS, "Runs of the image manager on its timetable.", ("result",), (("success",), ("failure",))),)


def due(cron: str, now: datetime) -> datetime:
    """The newest time of a timetable that is not after `now`; both naive UTC. Raises `ScheduleInvalid`."""
    library: Any = importlib.import_module("croniter").croniter
    if len(cron.split()) != 5 or not library.is_valid(cron):  # noqa: PLR2004 - without seconds
        raise ScheduleInvalid(
            f"'{cron}' is no timetable: minute, hour, day, month and day of the week, such as 0 0 * * 0 for Sundays."
        )
    found: datetime = library(cron, now + timedelta(seconds=1)).get_prev(datetime)
    return found


class CatalogRuns:
    """One worker's share of the runs."""

    def __init__(
        self, database: Database, schedule: CatalogSchedule, counts: Counts, command: Sequence[str] = COMMAND
    ) -> None:
        self._database = database
        self._schedule = schedule
        self._counts = counts
        self._command = command

    async def tend(self) -> None:
        """Do the run that is due, if nobody does or did it. Cancelled, it ends the manager, and another goes on."""
        at = due(self._schedule.cron, utcnow())
        if utcnow() - at > LATE:
            return
        task_id = str(uuid.uuid5(_NAMESPACE, f"{self._schedule.files} {at.isoformat()}"))
        try:
            mine = await self._database.write(lambda conn: self._claim(conn, task_id, at))
        except WriteRefused:
            return  # another worker was first, or the task has expired already
        if mine:
            beat = asyncio.create_task(self._beat(task_id))
            try:
                await self._run(task_id, at)
            finally:
                beat.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await beat

    async def _claim(self, conn: Connection, task_id: str, at: datetime) -> bool:
        now = utcnow()
        task = await tasks.get(conn, task_id)
        if task is not None:
            if task.finished or now - task.updated_at < SILENCE:
                return False
            _log.warning("the catalogue's run of %s goes on here: the worker that began it is silent", at)
            return await tasks.take_over(conn, task_id, task.updated_at, now)
        given = {"catalog": str(self._schedule.files), "due": at.isoformat(), "steps": list(self._schedule.steps)}
        record = Task(
            id=task_id,
            type=TaskType.IMPORT,  # Glance refuses to list tasks of a type that it does not know
            status=TaskStatus.PROCESSING,
            owner="",
            created_at=now,
            updated_at=now,
            input=given,
            message="Begun.",
        )
        await tasks.insert_record(conn, record)
        return True

    async def _beat(self, task_id: str) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            with contextlib.suppress(IntaglioError):  # a beat that is missed is not the end of the run
                await self._database.write(lambda conn: tasks.touch(conn, task_id, utcnow()))

    async def _run(self, task_id: str, at: datetime) -> None:
        done: list[Step] = []
        for name in self._schedule.steps:
            step = await self._step(name)
            _log.log(logging.INFO if step.good else logging.ERROR, "catalogue, run of %s: %s", at, step)
            done.append(step)
            if step.exit_code == _USELESS:
                break
        good = all(step.good for step in done)
        self._counts.add(self._counts.place(RUNS, "success" if good else "failure"))
        message = "; ".join(map(str, done))
        now = utcnow()

        async def end(conn: Connection) -> None:
            await tasks.finish(
                conn,
                task_id,
                TaskStatus.SUCCESS if good else TaskStatus.FAILURE,
                message,
                result={"steps": msgspec.to_builtins(done)},
                now=now,
                expires_at=now + timedelta(hours=self._schedule.task_hours),
            )

        await self._database.write(end)

    async def _step(self, name: str) -> Step:
        """Run one command to its end; cancelled, the command ends first."""
        process = await asyncio.create_subprocess_exec(
            *self._command, *self._words(name), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        try:
            out, errors = await process.communicate()
        except asyncio.CancelledError:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
            raise
        code = process.returncode if process.returncode is not None else 1
        counts, names = _summary(name, out)
        lines = errors.decode("utf-8", "replace").strip().splitlines()
        message = "" if code in _GOOD[name] or not lines else lines[-1][:500]
        return Step(step=name, exit_code=code, counts=counts, names=names, message=message)

    def _words(self, name: str) -> list[str]:
        schedule = self._schedule
        words = [name, str(schedule.files), "--format", "json"]
        if name == "update":
            return words
        words += ["--os-cloud", schedule.cloud] if schedule.cloud else []
        words += ["--locked"] if schedule.locked else []
        return words + (["--delete"] if schedule.delete else [])


def _summary(name: str, out: bytes) -> tuple[dict[str, int], dict[str, list[str]]]:
    """How many of each kind a command reports, and the names of those that are not as they were."""
    try:
        said: Any = json.loads(out)
        if name == "update":
            found = [(each["result"], each["definition"]) for each in said]
        elif name == "plan":
            found = [(each["type"], each["name"]) for each in said["actions"] if each["type"] != "keep"]
        else:
            found = [(f"{each['kind']} {each['result']}", each["name"]) for each in said["outcomes"]]
    except (ValueError, KeyError, TypeError):
        return {}, {}
    kinds = dict.fromkeys(kind for kind, _ in found)
    counts = {kind: sum(kind == each for each, _ in found) for kind in kinds}
    names = {kind: [name for each, name in found if each == kind][:_TOLD] for kind in kinds if kind != "current"}
    return counts, names
