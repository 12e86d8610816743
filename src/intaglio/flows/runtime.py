"""Runs flows in this process and takes over those of processes that died. One runtime a process: DBOS is global."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from dbos import DBOS, DBOSConfig, SetWorkflowID

from intaglio.base.errors import Unavailable
from intaglio.flows.base import Flow
from intaglio.flows.journal import JsonJournal
from intaglio.flows.settings import FlowSettings

Durable = Callable[[str], Coroutine[Any, Any, None]]

_log = logging.getLogger(__name__)

_QUEUE = "intaglio"
_POLL_SECONDS = 0.25
_CRASHES = 20  # a flow that takes this many workers with it is given up
# The journal's own version, not the release's: DBOS leaves flows of other versions alone, so this changes only when
# the steps of a flow can no longer be matched with those in the journal.
_VERSION = "1"


class JournalUnavailable(Unavailable):
    """The database that keeps the journal does not answer."""

    code = "journal-unavailable"


class Runtime:
    """Flows that survive their process. Call it from one event loop, in which the flows run."""

    def __init__(self, settings: FlowSettings, flows: Iterable[Flow], executor: str) -> None:
        self._settings = settings
        self._executor = executor
        self._flows = {flow.name: flow for flow in flows}
        self._running: set[asyncio.Task[Any]] = set()
        self._durable: dict[str, Durable] = {}

    async def start(self) -> None:
        """Open the journal and begin to run what is queued. Raises `JournalUnavailable`."""
        config: DBOSConfig = {
            "name": "intaglio",
            "system_database_url": self._settings.journal,
            "application_version": _VERSION,
            "executor_id": self._executor,
            "serializer": JsonJournal(),
            "run_migrations": False,
            "log_level": "WARNING",
            "console_log_level": "WARNING",
            "notification_listener_polling_interval_sec": _POLL_SECONDS,
        }
        DBOS(config=config)
        self._durable = {name: self._registered(flow) for name, flow in self._flows.items()}
        try:
            # In a thread: PostgreSQL builds the journal's indexes when every open transaction has ended, and some of
            # those are this event loop's.
            await asyncio.to_thread(DBOS.migrate, system_database_url=self._settings.journal)
            DBOS.launch()
            await DBOS.register_queue_async(
                _QUEUE,
                worker_concurrency=self._settings.concurrency,
                polling_interval_sec=_POLL_SECONDS,
                on_conflict="always_update",
            )
        except Exception as error:
            DBOS.destroy(destroy_registry=True)
            raise JournalUnavailable(f"The journal of durable work does not open ({type(error).__name__}).") from error

    def _registered(self, flow: Flow) -> Durable:
        async def run(flow_id: str) -> None:
            task = cast("asyncio.Task[Any]", asyncio.current_task())
            self._running.add(task)
            try:
                await flow.run(flow_id)
            except Exception:
                _log.exception("flow %s %s ended with a defect", flow.name, flow_id)
                raise
            finally:
                self._running.discard(task)

        return DBOS.workflow(name=flow.name, max_recovery_attempts=_CRASHES)(run)

    async def begin(self, flow: str, flow_id: str) -> None:
        """Queue a flow. For an id that was begun before, in whatever process, this changes nothing."""
        with SetWorkflowID(flow_id):
            await DBOS.enqueue_workflow_async(_QUEUE, self._durable[flow], flow_id)

    async def adopt(self, executor: str) -> int:
        """Queue again what a dead process had begun; the number of flows.

        Should that process live after all, it loses its flows at their next step: a flow has one owner.
        """
        found = await DBOS.list_workflows_async(
            status="PENDING", executor_id=executor, load_input=False, load_output=False
        )
        for flow in found:
            await DBOS.resume_workflow_async(flow.workflow_id, queue_name=_QUEUE)
            _log.warning("flow %s of %s goes on here", flow.workflow_id, executor)
        return len(found)

    async def owners(self) -> set[str]:
        """The processes that have flows under way."""
        found = await DBOS.list_workflows_async(status="PENDING", load_input=False, load_output=False)
        return {flow.executor_id for flow in found if flow.executor_id is not None}

    async def given_up(self) -> list[str]:
        """Flows that will not be tried again: each of so many processes that ran them died."""
        found = await DBOS.list_workflows_async(
            status="MAX_RECOVERY_ATTEMPTS_EXCEEDED", load_input=False, load_output=False
        )
        return [flow.workflow_id for flow in found]

    async def forget(self, flow_id: str) -> None:
        """Remove a flow and its journal. Of one that still runs nothing more is recorded."""
        await DBOS.delete_workflow_async(flow_id)

    async def stop(self) -> None:
        """Interrupt what runs, as a crash would but letting steps tidy up; it goes on wherever it is adopted."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await asyncio.to_thread(DBOS.destroy, workflow_completion_timeout_sec=0, destroy_registry=True)
        # DBOS had made its own pool the loop's, and has just ended it.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(thread_name_prefix="asyncio"))
