"""The last step: the task has succeeded, and the image is nobody's any more."""

from msgspec.structs import replace

from intaglio.base.clock import utcnow
from intaglio.db.base import Connection
from intaglio.db.repos import images, leases, tasks
from intaglio.domain.task import FAILED_STORES, LOCK, TaskStatus
from intaglio.flows.base import Json
from intaglio.imports.base import LEASE_KIND, Bench, Job, require_wanted


async def run(bench: Bench, job: Job) -> Json:
    """Give the image free and say so in the task. What is active now cannot be cancelled any more."""

    async def work(conn: Connection) -> None:
        task = await tasks.get(conn, job.task_id)
        if task is None or task.finished:  # the outcome of the commit before was not known
            return
        image = await require_wanted(conn, job, cancellable=False)
        properties = {name: value for name, value in image.properties.items() if name != LOCK}
        await images.update(conn, image, replace(image, properties=properties, updated_at=utcnow()))
        lease = await leases.find(conn, job.image_id, LEASE_KIND)
        if lease is not None:
            await leases.release(conn, lease)
        result = {"image_id": job.image_id}
        message = _message(image.properties.get(FAILED_STORES), job)
        await tasks.finish(
            conn, job.task_id, TaskStatus.SUCCESS, message, result=result, now=utcnow(), expires_at=bench.expiry()
        )

    await bench.write(work)
    return None


def _message(failed: str | None, job: Job) -> str:
    missing = [store for store in (failed or "").split(",") if store in job.stores]
    if not missing:
        return ""
    return f"Not stored in {', '.join(missing)}; ask for copy-image to try these again."
