"""The tasks API: what was asked for and is done meanwhile."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.responses import Response

from intaglio.api.call import Call
from intaglio.api.listing import InvalidQuery
from intaglio.api.responses import json_response
from intaglio.api.v2.image_view import timestamp
from intaglio.api.v2.info import import_methods_of
from intaglio.domain.query import Direction
from intaglio.domain.task import LOCATION_URL, TASK_SORT_KEYS, Progress, Task, TaskQuery, TaskStatus, TaskType
from intaglio.imports.remote import SEALED
from intaglio.imports.signed import CERTIFICATES
from intaglio.outbound.urls import masked
from intaglio.services import tasks
from intaglio.services.url_tasks import ADDRESS, KEYS

_URLS = ("uri", "checksum_url", "signature")


def task_view(task: Task, *, whole: bool) -> dict[str, Any]:
    """The task as the Images API v2 shows it, in a list or `whole`; `progress` is ours."""
    view: dict[str, Any] = {
        "id": task.id,
        "type": task.type,
        "status": task.status,
        "owner": task.owner,
        "created_at": timestamp(task.created_at),
        "updated_at": timestamp(task.updated_at),
        "self": f"/v2/tasks/{task.id}",
        "schema": "/v2/schemas/task",
    }
    if task.expires_at is not None:
        view["expires_at"] = timestamp(task.expires_at)
    if whole:
        view |= _contents(task)
    return view


def image_task_view(task: Task) -> dict[str, Any]:
    """The task as it is shown among those of its image."""
    return {
        "id": task.id,
        "type": task.type,
        "status": task.status,
        "owner": task.owner,
        "expires_at": _when(task.expires_at),
        "created_at": timestamp(task.created_at),
        "updated_at": timestamp(task.updated_at),
        "deleted_at": None,
        "deleted": False,
        **_contents(task),
    }


def _contents(task: Task) -> dict[str, Any]:
    view: dict[str, Any] = {
        "image_id": task.image_id,
        "request_id": task.request_id,
        "user_id": task.user_id,
        "input": None if task.input is None else _shown(task.input),
        "result": task.result,
        "message": task.message,
    }
    if task.progress is not None:
        view["progress"] = progress_view(task.progress)
    return view


def _shown(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked for, without the secrets in it."""
    if ADDRESS in given:  # a task of the type `import`: what is kept beside belongs to its import
        return {name: _without_login(value) for name, value in given.items() if name in KEYS}
    shown = {name: value for name, value in given.items() if name not in {SEALED, CERTIFICATES}}
    if isinstance(shown.get(LOCATION_URL), str):
        shown[LOCATION_URL] = masked(shown[LOCATION_URL])
    request = shown.get("import_req")
    if isinstance(request, dict) and isinstance(request.get("method"), dict):
        method = {name: masked(value) if name in _URLS else value for name, value in request["method"].items()}
        shown["import_req"] = {**request, "method": method}
    return shown


def _without_login(value: Any) -> Any:
    return masked(value) if isinstance(value, str) else value


def progress_view(progress: Progress) -> dict[str, Any]:
    """How far a step is, in numbers."""
    remaining = progress.remaining
    return {
        "step": progress.step,
        "bytes": progress.done,
        "total_bytes": progress.total,
        "bytes_per_second": None if progress.rate is None else round(progress.rate),
        "seconds_left": None if remaining is None else round(remaining.total_seconds()),
        "last_error": progress.last_error,
        "at": timestamp(progress.at),
    }


def _when(moment: datetime | None) -> str | None:
    return None if moment is None else timestamp(moment)


async def list_tasks(call: Call) -> Response:
    pairs = parse_qsl(call.request.url.query, keep_blank_values=True)
    query = _query(call, dict(pairs))
    page = await tasks.page(call.parts, call.caller, query)
    kept = [(name, value) for name, value in pairs if name != "marker"]
    view: dict[str, Any] = {"tasks": [task_view(task, whole=False) for task in page], "first": _link(kept)}
    if page and len(page) == query.limit:
        view["next"] = _link([*kept, ("marker", page[-1].id)])
    return json_response({**view, "schema": "/v2/schemas/tasks"})


async def show(call: Call) -> Response:
    return json_response(task_view(await tasks.show(call.parts, call.caller, call.path["task_id"]), whole=True))


async def create(call: Call) -> Response:
    task = await tasks.create(call.parts, call.caller, await call.json_object(), offered=import_methods_of(call))
    headers = {"Location": f"{call.base_url}/v2/tasks/{task.id}"}
    return json_response(task_view(task, whole=True), 201, headers)


def _link(pairs: list[tuple[str, str]]) -> str:
    return f"/v2/tasks?{urlencode(pairs)}" if pairs else "/v2/tasks"


def _query(call: Call, values: dict[str, str]) -> TaskQuery:
    principal = call.caller.principal
    status = _choice(values, "status", tuple(TaskStatus))
    kind = _choice(values, "type", tuple(TaskType))
    return TaskQuery(
        owner=None if principal.is_admin else principal.project_id or "",
        sort_key=_choice(values, "sort_key", TASK_SORT_KEYS) or "created_at",
        direction=Direction(_choice(values, "sort_dir", tuple(Direction)) or Direction.DESC),
        limit=_limit(call, values),
        marker=values.get("marker"),
        status=None if status is None else TaskStatus(status),
        type=None if kind is None else TaskType(kind),
    )


def _choice(values: dict[str, str], name: str, allowed: tuple[str, ...]) -> str | None:
    value = values.get(name)
    if value is not None and value not in allowed:
        raise InvalidQuery(f"'{name}' must be one of {', '.join(allowed)}, not '{value[:80]}'.")
    return value


def _limit(call: Call, values: dict[str, str]) -> int:
    given = values.get("limit", str(call.settings.limit_param_default))
    if not given.isascii() or not given.isdigit():
        raise InvalidQuery(f"'limit' must be a whole number, zero or more, not '{given[:80]}'.")
    return min(int(given[:19]), call.settings.api_limit_max)
