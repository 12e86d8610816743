"""Begins a flow for every task that was recorded, and takes over those of workers that died.

Loaded where there is work to do: what runs flows takes a second to import, and most services idle most of the time.
"""

import logging
import time

from intaglio.db.base import Database
from intaglio.db.repos import tasks
from intaglio.domain.task import TaskType
from intaglio.flows.runtime import Runtime
from intaglio.flows.settings import FlowSettings
from intaglio.flows.takeover import Watch
from intaglio.imports import location
from intaglio.imports.base import Bench
from intaglio.imports.flow import abandon, import_flows
from intaglio.imports.location import location_flow

_log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
_FLOWS = {TaskType.API_IMAGE_IMPORT, TaskType.IMPORT, TaskType.LOCATION_IMPORT}


class TaskRunner:
    """One worker's share of the tasks."""

    def __init__(self, database: Database, bench: Bench, settings: FlowSettings) -> None:
        self._database = database
        self._bench = bench
        self._runtime = Runtime(settings, [*import_flows(bench), location_flow(bench)], bench.holder)
        self._watch = Watch(database, self._runtime, bench.holder)
        self._begun: set[str] = set()
        self._started = False
        self._next_look = 0.0

    async def tend(self) -> None:
        """Begin what is recorded and not begun; from time to time, look after other workers and lost flows.

        A task whose flow was begun before, by whatever worker, is not begun twice. Raises `JournalUnavailable`.
        """
        if not self._started:
            await self._runtime.start()
            self._started = True
        if time.monotonic() >= self._next_look:
            await self._watch.look()
            for task_id in await self._runtime.given_up():
                await self._abandon(task_id)
            self._next_look = time.monotonic() + LOOK_SECONDS
        unfinished = await self._database.read(tasks.unfinished)
        for task_id, kind in unfinished:
            if task_id not in self._begun and kind in _FLOWS:
                await self._runtime.begin(kind.value, task_id)
                self._begun.add(task_id)
        self._begun &= {task_id for task_id, _ in unfinished}

    async def _abandon(self, task_id: str) -> None:
        task = await self._database.read(lambda conn: tasks.get(conn, task_id))
        if task is not None and task.type is TaskType.LOCATION_IMPORT:
            await location.abandon(self._bench, task)
        else:
            await abandon(self._bench, task_id)

    async def forget(self, task_id: str) -> None:
        """Remove what the journal has of a task that has expired."""
        await self._runtime.forget(task_id)

    async def stop(self) -> None:
        """Interrupt what runs; another worker, or this one after its restart, goes on with it."""
        if self._started:
            await self._runtime.stop()
            await self._watch.leave()
