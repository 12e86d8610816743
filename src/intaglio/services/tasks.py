"""Showing tasks, and forgetting those whose time is over."""

from collections.abc import Collection, Sequence
from typing import Any

from intaglio.authz.engine import Caller
from intaglio.base.clock import utcnow
from intaglio.base.errors import Invalid, NotFound
from intaglio.db.base import Connection
from intaglio.db.repos import tasks
from intaglio.domain.task import Task, TaskQuery, TaskType
from intaglio.services import url_tasks
from intaglio.services.access import visible_image
from intaglio.services.parts import Parts
from intaglio.services.url_tasks import TaskNotOffered

RULE = "tasks_api_access"


class TaskNotFound(NotFound):
    """No task has this id, or its time is over."""

    code = "task-not-found"


class TaskMarkerUnknown(Invalid):
    """The marker is no task of the list."""

    code = "task-marker-unknown"


async def of_image(parts: Parts, caller: Caller, image_id: str) -> Sequence[Task]:
    """The tasks about an image that the caller's project asked for; all for an administrator. Raises refusals."""

    async def work(conn: Connection) -> Sequence[Task]:
        image, _ = await visible_image(conn, parts.policy, caller, image_id)
        principal = caller.principal
        owner = None if principal.is_admin else principal.project_id or ""
        return await tasks.of_image(conn, image.id, owner, utcnow())

    return await parts.database.read(work)


async def page(parts: Parts, caller: Caller, query: TaskQuery) -> Sequence[Task]:
    """One page of the list. Raises `PolicyRefused`, `TaskMarkerUnknown`."""
    parts.policy.require(RULE, caller, {})

    async def work(conn: Connection) -> Sequence[Task]:
        found = await tasks.page(conn, query, utcnow()) if query.limit else ()
        if found is None:
            raise TaskMarkerUnknown(f"The marker {(query.marker or '')[:80]} names no task; use the last one's id.")
        return found

    return await parts.database.read(work)


async def show(parts: Parts, caller: Caller, task_id: str) -> Task:
    """One task. Raises `PolicyRefused`, `TaskNotFound`."""
    parts.policy.require(RULE, caller, {})

    async def work(conn: Connection) -> Task | None:
        return await tasks.get(conn, task_id) if len(task_id) <= 36 else None  # noqa: PLR2004 - the length of a UUID

    task = await parts.database.read(work)
    owner = None if caller.principal.is_admin else caller.principal.project_id
    expired = task is not None and task.expires_at is not None and task.expires_at <= utcnow()
    if task is None or expired or (owner is not None and task.owner != owner):
        raise TaskNotFound(f"No task has the id {task_id[:80]}.")
    return task


async def create(parts: Parts, caller: Caller, body: dict[str, Any], *, offered: Collection[str]) -> Task:
    """Begin a task of the type `import`; of others, say what to ask for instead. `offered` are the import methods.

    Raises `PolicyRefused`, `TaskNotOffered`, and what `url_tasks.begin` raises.
    """
    parts.policy.require(RULE, caller, {})
    wanted = body.get("type")
    if wanted not in set(TaskType):
        raise TaskNotOffered(f"'type' must be one of {', '.join(TaskType)}.")
    if not isinstance(body.get("input"), dict):
        raise TaskNotOffered("'input' must be an object.")
    if wanted == TaskType.IMPORT:
        return await url_tasks.begin(parts, caller, body["input"], offered=offered)
    raise TaskNotOffered("Tasks of this type are begun by the calls on images: POST /v2/images/{image_id}/import.")


async def expire(parts: Parts) -> list[str]:
    """Forget tasks whose time is over; the ids of some, until there are none."""
    return await parts.database.write(lambda conn: tasks.expire(conn, utcnow()))
