"""The first step: what is to be done, from the task's input."""

import msgspec

from intaglio.base.clock import utcnow
from intaglio.db.base import Connection
from intaglio.db.repos import tasks
from intaglio.domain.task import KEEPS, Task
from intaglio.flows.base import Json
from intaglio.imports.base import Bench, Job


async def run(bench: Bench, task_id: str) -> Json:
    """The job as JSON, its task now being processed; None when there is nothing left to do."""

    async def work(conn: Connection) -> Task | None:
        await tasks.begin(conn, task_id, "Begun.", utcnow())
        return await tasks.get(conn, task_id)

    task = await bench.write(work)
    job = None if task is None or task.finished else job_of(task)
    return None if job is None else {**msgspec.structs.asdict(job), "stores": list(job.stores)}


def job_of(task: Task) -> Job | None:
    """What a task of an import is to do; None when it is of another kind."""
    if task.input is None or task.image_id is None:
        return None
    request = task.input["import_req"]
    return Job(
        task_id=task.id,
        image_id=task.image_id,
        method=request["method"]["name"],
        stores=tuple(task.input["backend"]),
        all_must_succeed=request.get("all_stores_must_succeed", True),
        keeps_properties=task.input.get(KEEPS, False),
    )
