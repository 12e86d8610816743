"""Tasks, in Glance's tables `tasks` and `task_info`, with what only this service knows of them beside.

A task without a row in `intaglio_task_runs` is one that a Glance recorded: it is shown, and never run.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, delete, false, func, insert, or_, select, update

from intaglio.db.base import Connection
from intaglio.db.location_urls import LocationUrls
from intaglio.db.repos.dialects import equals, parameter
from intaglio.db.repos.metadef_paging import paged
from intaglio.db.tables.added import task_runs
from intaglio.db.tables.tasks import task_info, tasks
from intaglio.domain.metadefs.query import Paging
from intaglio.domain.task import LOCATION_URL, UNFINISHED, Progress, Task, TaskQuery, TaskStatus, TaskType

_encode = msgspec.json.Encoder().encode
_EXPIRED_AT_ONCE = 500  # rows a transaction
_UNFINISHED_AT_ONCE = 1000


async def insert_task(conn: Connection, task: Task) -> None:
    """Record a new task of ours, which a flow will do."""
    await insert_record(conn, task)
    await conn.execute(insert(task_runs).values(task_id=task.id))


async def insert_record(conn: Connection, task: Task) -> None:
    """Record a task that is only shown: no flow does it."""
    columns = ("id", "type", "status", "owner", "created_at", "updated_at", "expires_at", "image_id", "user_id")
    values = {name: getattr(task, name) for name in columns}
    request_id = None if task.request_id is None else task.request_id[:64]
    await conn.execute(insert(tasks).values(**values, request_id=request_id, deleted=False))
    await conn.execute(
        insert(task_info).values(task_id=task.id, input=_text(_written(task.input, conn.urls)), message=task.message)
    )


async def touch(conn: Connection, task_id: str, now: datetime) -> None:
    """Say that an open task is still being done."""
    open_task = (tasks.c.id == task_id, tasks.c.status.in_([each.value for each in UNFINISHED]))
    await conn.execute(update(tasks).where(*open_task).values(updated_at=now))


async def take_over(conn: Connection, task_id: str, seen: datetime, now: datetime) -> bool:
    """Touch an open task that was last touched at `seen`; False when somebody else did, or ended it."""
    open_task = (tasks.c.id == task_id, tasks.c.status.in_([each.value for each in UNFINISHED]))
    changed = update(tasks).where(*open_task, tasks.c.updated_at == seen).values(updated_at=now)
    return bool((await conn.execute(changed)).rowcount)


async def get(conn: Connection, task_id: str) -> Task | None:
    """The task, or None when there is none or it has expired."""
    statement = _select().where(equals(conn.dialect, tasks.c.id, parameter("id", tasks.c.id)))
    row = (await conn.execute(statement, {"id": task_id})).mappings().first()
    return None if row is None else _to_task(row, conn.urls)


async def of_image(conn: Connection, image_id: str, owner: str | None, now: datetime) -> list[Task]:
    """The tasks about an image, the newest first; with `owner` only that project's."""
    statement = _select().where(tasks.c.image_id == image_id, _kept(now))
    given = {}
    if owner is not None:
        statement = statement.where(equals(conn.dialect, tasks.c.owner, parameter("owner", tasks.c.owner)))
        given = {"owner": owner}
    rows = await conn.execute(statement.order_by(tasks.c.created_at.desc(), tasks.c.id.desc()), given)
    return [_to_task(row, conn.urls) for row in rows.mappings()]


async def where(conn: Connection, *conditions: ColumnElement[bool]) -> list[Task]:
    """The tasks that meet all conditions on Glance's table, the oldest first."""
    rows = await conn.execute(_select().where(*conditions).order_by(tasks.c.created_at, tasks.c.id))
    return [_to_task(row, conn.urls) for row in rows.mappings()]


async def page(conn: Connection, query: TaskQuery, now: datetime) -> Sequence[Task] | None:
    """One page of the list; None when the marker is no task that this list could hold."""
    given: dict[str, Any] = {}
    statement = _select().where(_kept(now))
    if query.owner is not None:
        statement = statement.where(equals(conn.dialect, tasks.c.owner, parameter("owner", tasks.c.owner)))
        given["owner"] = query.owner
    marker = None
    if query.marker is not None:
        at = statement.where(equals(conn.dialect, tasks.c.id, parameter("marker", tasks.c.id)))
        marker = (await conn.execute(at, given | {"marker": query.marker})).mappings().first()
        if marker is None:
            return None
    for name in ("status", "type"):
        if getattr(query, name) is not None:
            statement = statement.where(tasks.c[name] == getattr(query, name).value)
    paging = Paging(sort_key=query.sort_key, direction=query.direction, limit=query.limit)
    rows = await conn.execute(paged(statement, tasks, paging, marker), given)
    return [_to_task(row, conn.urls) for row in rows.mappings()]


async def unfinished(conn: Connection) -> list[tuple[str, TaskType]]:
    """Ids and types of the tasks of ours that are not done, the oldest first."""
    statement = (
        select(tasks.c.id, tasks.c.type)
        .join(task_runs, task_runs.c.task_id == tasks.c.id)
        .where(tasks.c.status.in_([status.value for status in UNFINISHED]), tasks.c.deleted == false())
        .order_by(tasks.c.created_at)
        .limit(_UNFINISHED_AT_ONCE)
    )
    return [(row.id, TaskType(row.type)) for row in await conn.execute(statement)]


async def begin(conn: Connection, task_id: str, message: str, now: datetime) -> None:
    """Move a pending task to processing; one that is further stays as it is."""
    pending = (tasks.c.id == task_id, tasks.c.status == TaskStatus.PENDING.value)
    changed = update(tasks).where(*pending).values(status=TaskStatus.PROCESSING.value, updated_at=now)
    if (await conn.execute(changed)).rowcount:
        await _say(conn, task_id, message)


async def finish(
    conn: Connection,
    task_id: str,
    status: TaskStatus,
    message: str,
    *,
    result: Any,
    now: datetime,
    expires_at: datetime,
) -> bool:
    """End a task that is not ended; False when it was. `status` is success or failure."""
    open_task = (tasks.c.id == task_id, tasks.c.status.in_([each.value for each in UNFINISHED]))
    ended = update(tasks).where(*open_task).values(status=status.value, updated_at=now, expires_at=expires_at)
    if not (await conn.execute(ended)).rowcount:
        return False
    await _say(conn, task_id, message, result=_text(result))
    return True


async def note(conn: Connection, task_id: str, progress: Progress, message: str) -> None:
    """Record how far a task is."""
    await conn.execute(update(task_runs).where(task_runs.c.task_id == task_id).values(progress=_text(progress)))
    await conn.execute(update(tasks).where(tasks.c.id == task_id).values(updated_at=progress.at))
    await _say(conn, task_id, message)


async def is_cancelled(conn: Connection, task_id: str) -> bool:
    """Whether somebody asked for the task to be given up."""
    statement = select(task_runs.c.cancelled_at).where(task_runs.c.task_id == task_id)
    return (await conn.execute(statement)).scalar_one_or_none() is not None


async def cancel(conn: Connection, task_id: str, now: datetime) -> None:
    """Ask for the task to be given up; whoever runs it looks for that every second or so."""
    await conn.execute(update(task_runs).where(task_runs.c.task_id == task_id).values(cancelled_at=now))


async def expire(conn: Connection, now: datetime) -> list[str]:
    """Soft-delete tasks whose time is over, as Glance does; the ids of some, until there are none."""
    over = select(tasks.c.id).where(tasks.c.deleted == false(), tasks.c.expires_at <= now).limit(_EXPIRED_AT_ONCE)
    ids = list((await conn.execute(over)).scalars())
    if ids:
        gone = {"deleted": True, "deleted_at": now, "updated_at": now}
        await conn.execute(update(tasks).where(tasks.c.id.in_(ids)).values(**gone))
        await conn.execute(delete(task_runs).where(task_runs.c.task_id.in_(ids)))
    return ids


async def counts(conn: Connection) -> Sequence[tuple[str, str, int]]:
    """How many tasks there are of each type and status, expired ones that nobody has removed yet included."""
    number = func.count().label("number")
    statement = select(tasks.c.type, tasks.c.status, number).group_by(tasks.c.type, tasks.c.status)
    return [(row["type"], row["status"], row["number"]) for row in (await conn.execute(statement)).mappings()]


def _kept(now: datetime) -> ColumnElement[bool]:
    return or_(tasks.c.expires_at.is_(None), tasks.c.expires_at > now)


def _select() -> Select[Any]:
    both = tasks.outerjoin(task_info, task_info.c.task_id == tasks.c.id)
    both = both.outerjoin(task_runs, task_runs.c.task_id == tasks.c.id)
    info = (task_info.c.input, task_info.c.result, task_info.c.message)
    run = (task_runs.c.task_id.label("run"), task_runs.c.progress, task_runs.c.cancelled_at)
    return select(*tasks.c, *info, *run).select_from(both).where(tasks.c.deleted == false())


def _to_task(row: Any, urls: LocationUrls) -> Task:
    return Task(
        id=row["id"],
        type=TaskType(row["type"]),
        status=TaskStatus(row["status"]),
        owner=row["owner"],
        created_at=row["created_at"],
        updated_at=row["updated_at"] or row["created_at"],
        expires_at=row["expires_at"],
        image_id=row["image_id"],
        request_id=row["request_id"],
        user_id=row["user_id"],
        input=_read(_object(row["input"]), urls),
        result=_object(row["result"]),
        message=row["message"] or "",
        progress=None if row["progress"] is None else msgspec.json.decode(row["progress"], type=Progress),
        cancelled=row["cancelled_at"] is not None,
        ours=row["run"] is not None,
    )


def _written(given: Mapping[str, Any] | None, urls: LocationUrls) -> Mapping[str, Any] | None:
    """What was asked for, with the URL of a location as the database writes such."""
    url = None if given is None else given.get(LOCATION_URL)
    return {**(given or {}), LOCATION_URL: urls.written(url)} if isinstance(url, str) else given


def _read(given: Mapping[str, Any] | None, urls: LocationUrls) -> Mapping[str, Any] | None:
    url = None if given is None else given.get(LOCATION_URL)
    return {**(given or {}), LOCATION_URL: urls.read(url)} if isinstance(url, str) else given


def _object(text: str | None) -> dict[str, Any] | None:
    found = None if text is None else msgspec.json.decode(text)
    return found if isinstance(found, dict) else None


def _text(value: Any) -> str | None:
    return None if value is None else _encode(value).decode()


async def _say(conn: Connection, task_id: str, message: str, **more: Any) -> None:
    said = update(task_info).where(task_info.c.task_id == task_id)
    await conn.execute(said.values(message=message, **more))
