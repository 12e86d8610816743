"""An import as a flow: the steps of its method in their order, or what undoes them."""

import logging
from functools import partial

import msgspec

from intaglio.base.clock import utcnow
from intaglio.db.base import Connection
from intaglio.db.repos import tasks
from intaglio.domain.task import TaskStatus, TaskType
from intaglio.flows.base import Flow, Json, StepFailed
from intaglio.flows.journal import step
from intaglio.imports.base import Bench, Job
from intaglio.imports.methods import METHODS
from intaglio.imports.plans import steps_of
from intaglio.imports.steps import begin, undo

_log = logging.getLogger(__name__)


def import_flows(bench: Bench) -> tuple[Flow, ...]:
    """The flow of the tasks that POST /v2/images/{id}/import makes, and of those that POST /v2/tasks does.

    A flow's id is its task's. The image of the second kind was made for the task alone, and goes when it fails.
    """
    named = Flow(TaskType.API_IMAGE_IMPORT.value, partial(_run, bench, withdrawn=False))
    return named, Flow(TaskType.IMPORT.value, partial(_run, bench, withdrawn=True))


async def _run(bench: Bench, task_id: str, *, withdrawn: bool) -> None:
    try:
        found = await step("begin", partial(begin.run, bench, task_id))
        if found is not None:
            await _carry_out(bench, msgspec.convert(found, Job), withdrawn=withdrawn)
    except StepFailed as failed:  # not even undoing went well
        await step("give up", partial(give_up, bench, task_id, str(failed)))


async def _carry_out(bench: Bench, job: Job, *, withdrawn: bool) -> None:
    before: Json = None
    try:
        for name, work in steps_of(job.method):
            done = await step(name, partial(work, bench, job))
            before = done if name == "remember" else before
    except StepFailed as failed:
        start = METHODS[job.method].start
        await step("undo", partial(undo.run, bench, job, start, failed, before, withdrawn=withdrawn))


async def give_up(bench: Bench, task_id: str, reason: str) -> Json:
    """End a task without its flow: undo what can be undone, and say why in the task."""

    async def end(conn: Connection) -> None:
        await tasks.finish(
            conn, task_id, TaskStatus.FAILURE, reason, result=None, now=utcnow(), expires_at=bench.expiry()
        )

    await bench.write(end)
    return None


async def abandon(bench: Bench, task_id: str) -> None:
    """Undo the import of a flow that will not be run again, as too many processes died of it."""
    failed = StepFailed("import", "given-up", "Every process that tried it died.")
    task = await bench.database.read(lambda conn: tasks.get(conn, task_id))
    job = begin.job_of(task) if task is not None and not task.finished else None
    if task is not None and job is not None:
        withdrawn = task.type is TaskType.IMPORT
        await undo.run(bench, job, METHODS[job.method].start, failed, withdrawn=withdrawn)
