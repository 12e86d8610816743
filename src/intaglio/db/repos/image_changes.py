"""What has changed about several images at once: looked at again and again, so it costs the same however many watch."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, false, or_, select

from intaglio.db.base import Connection
from intaglio.db.repos import tasks as task_rows
from intaglio.db.repos.image_rows import image_select, to_image
from intaglio.db.tables.added import revisions, task_runs
from intaglio.db.tables.images import images
from intaglio.db.tables.tasks import tasks
from intaglio.domain.image import Image
from intaglio.domain.task import UNFINISHED, Task

RECENT = timedelta(minutes=10)
"""A task that ended longer ago is no news to anybody."""

Stamp = tuple[Any, ...]


async def stamps(conn: Connection, image_ids: Collection[str], now: datetime) -> Mapping[str, Stamp]:
    """For each of the images a value that differs when it, or a task about it, has changed. Two statements."""
    revision = select(revisions.c.revision).where(revisions.c.image_id == images.c.id).scalar_subquery()
    there = images.c.id.in_(image_ids), images.c.deleted == false()
    rows = await conn.execute(select(images.c.id, images.c.status, images.c.updated_at, revision).where(*there))
    found: dict[str, list[Any]] = {row[0]: list(row[1:]) for row in rows}
    both = tasks.outerjoin(task_runs, task_runs.c.task_id == tasks.c.id)
    columns = (tasks.c.image_id, tasks.c.id, tasks.c.status, tasks.c.updated_at, task_runs.c.progress)
    statement = select(*columns).select_from(both).where(*_news(image_ids, now)).order_by(tasks.c.id)
    for row in await conn.execute(statement):
        found.setdefault(row[0], []).extend(row[1:])
    return {image_id: tuple(values) for image_id, values in found.items()}


async def contents(
    conn: Connection, image_ids: Collection[str], now: datetime
) -> Mapping[str, tuple[Image | None, tuple[Task, ...]]]:
    """The images, None for one that is gone, and the tasks about them, the oldest first. Two statements."""
    statement = image_select(conn.dialect).where(images.c.id.in_(image_ids), images.c.deleted == false())
    there = {row[0]: to_image(row, conn.urls) for row in await conn.execute(statement)}
    about: dict[str, list[Task]] = {}
    for task in await task_rows.where(conn, *_news(image_ids, now)):
        about.setdefault(task.image_id or "", []).append(task)
    return {image_id: (there.get(image_id), tuple(about.get(image_id, ()))) for image_id in image_ids}


def _news(image_ids: Collection[str], now: datetime) -> tuple[ColumnElement[bool], ...]:
    fresh = or_(tasks.c.status.in_([status.value for status in UNFINISHED]), tasks.c.updated_at >= now - RECENT)
    return tasks.c.image_id.in_(image_ids), tasks.c.deleted == false(), fresh
