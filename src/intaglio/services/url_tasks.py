"""Tasks of the type `import` (Images API v2, "Tasks"): one call that makes an image of what a URL leads to.

Underneath it is an import like any other, of an image made for it in the same transaction. What is wrong with the
image's properties fails the task and not the call, which is what clients of these tasks look at.
"""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from intaglio.authz.engine import Caller, ImageTarget, PolicyRefused
from intaglio.base.clock import utcnow
from intaglio.base.errors import IntaglioError, Invalid, TooLarge, Unavailable
from intaglio.db.base import Connection
from intaglio.db.repos import tasks
from intaglio.domain.task import Task, TaskStatus, TaskType
from intaglio.imports.methods import FROM_URL
from intaglio.imports.request import read
from intaglio.outbound.rules import Rules
from intaglio.services import importing
from intaglio.services.images import draft
from intaglio.services.new_tasks import new_task
from intaglio.services.parts import Parts
from intaglio.services.quota import Budgets, budgeted_write

ADDRESS = "import_from"
_FORMAT, _PROPERTIES = "import_from_format", "image_properties"
KEYS = (ADDRESS, _FORMAT, _PROPERTIES)
"""What the input of such a task has, all of it."""
_METHOD = "web-download"


class TaskNotOffered(Invalid):
    """A task of this type is not begun by this call."""

    code = "task-not-offered"


class TaskInputInvalid(Invalid):
    """The input of a task does not say what is to be done."""

    code = "task-input-invalid"


async def begin(parts: Parts, caller: Caller, given: Mapping[str, Any], *, offered: Collection[str]) -> Task:
    """Record the task, its image and the import; a task that has failed already when they cannot be.

    Raises `TaskNotOffered`, `FetchRefused`, `PolicyRefused`, `OverQuota`, and `Unavailable` when it should be asked for
    again.
    """
    if _METHOD not in offered:
        raise TaskNotOffered(f"The import method '{_METHOD}' is not enabled here, so no task may fetch a URL.")
    if isinstance(given.get(ADDRESS), str):
        Rules(parts.outbound).target(given[ADDRESS])
    try:
        return await _begun(parts, caller, given)
    except (Unavailable, PolicyRefused, TooLarge):
        raise
    except IntaglioError as error:
        return await _failed(parts, caller, given, str(error))


async def _begun(parts: Parts, caller: Caller, given: Mapping[str, Any]) -> Task:
    document = _document(given)
    asked = {"method": {"name": _METHOD, "uri": given[ADDRESS]}}
    request = read(asked, header_store=None, multi=parts.stores.multi)
    new = await draft(parts, caller, document)
    parts.policy.require(FROM_URL, caller, ImageTarget(new.image))
    stores = importing.targets(parts, new.image, request)
    added = importing.injected(parts, caller, _METHOD)
    kept = {name: given[name] for name in KEYS}
    task = _task(caller, {**kept, "import_req": asked, "backend": list(stores)}, new.image.id)

    async def work(conn: Connection, budgets: Budgets) -> Task:
        image = await new.record(conn, budgets)
        await importing.record(parts, conn, budgets, image, task, stores, added)
        return task

    return await budgeted_write(parts, new.image.owner, work)


def _document(given: Mapping[str, Any]) -> dict[str, Any]:
    """The image as POST /v2/images would be told; its format is that of the URL's file unless it says another."""
    missing = [name for name in KEYS if name not in given]
    if missing:
        raise TaskInputInvalid(f"The input has to have {', '.join(KEYS)}; these are missing: {', '.join(missing)}.")
    if not isinstance(given[ADDRESS], str) or not isinstance(given[_FORMAT], str):
        raise TaskInputInvalid(f"'{ADDRESS}' must be a URL and '{_FORMAT}' the name of a disk format.")
    if not isinstance(given[_PROPERTIES], dict):
        raise TaskInputInvalid(f'\'{_PROPERTIES}\' must be an object, such as {{"name": "…"}}.')
    return {"disk_format": given[_FORMAT], "container_format": "bare", **given[_PROPERTIES]}


async def _failed(parts: Parts, caller: Caller, given: Mapping[str, Any], reason: str) -> Task:
    task = _task(caller, {name: given[name] for name in KEYS if name in given}, None)

    async def work(conn: Connection) -> Task | None:
        await tasks.insert_task(conn, task)
        now = utcnow()
        end = now + timedelta(hours=parts.task_settings.task_time_to_live)
        await tasks.finish(conn, task.id, TaskStatus.FAILURE, reason, result=None, now=now, expires_at=end)
        return await tasks.get(conn, task.id)

    return await parts.database.write(work) or task


def _task(caller: Caller, given: Mapping[str, Any], image_id: str | None) -> Task:
    return new_task(caller, TaskType.IMPORT, image_id, given)
