"""What a request for an import decides, and steps as a worker would call them; without the worker."""

import datetime as dt
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import insert, update

from intaglio.base.clock import utcnow
from intaglio.db.repos import images as images_repo
from intaglio.db.tables.images import images as image_rows
from intaglio.db.tables.tasks import task_info
from intaglio.db.tables.tasks import tasks as task_rows
from intaglio.domain.status import Status
from intaglio.domain.task import LOCK, TaskQuery, TaskStatus
from intaglio.flows.base import StepFailed
from intaglio.imports.steps import begin, store, undo
from intaglio.ingest.base import DigestMismatch
from intaglio.services import importing, staging, tasks
from intaglio.services.importing import ImportRunning
from intaglio.services.settings import TaskSettings
from tests.imports.stage import ADMIN, DATA, DIRECT, Stage, stage_at
from tests.starters.databases import Databases

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("databases", ["sqlite"], indirect=True)]
COPY = {"method": {"name": "copy-image"}, "stores": ["slow"]}


@pytest.fixture
async def play(tmp_path: Path, databases: Databases) -> AsyncIterator[Stage]:
    async with stage_at(tmp_path, databases.empty().connection) as stage:
        yield stage


async def test_the_same_request_is_the_same_task(play: Stage) -> None:
    image_id = await play.staged()
    first = await play.ask(image_id, DIRECT)
    assert await play.ask(image_id, DIRECT) == first
    with pytest.raises(ImportRunning, match=first):
        await play.ask(image_id, {**DIRECT, "stores": ["slow"]})
    image = await play.image(image_id)
    assert (image.status, image.properties[LOCK]) == (Status.IMPORTING, first)
    assert image.properties["os_glance_importing_to_stores"] == "fast"


async def test_a_damaged_source_is_not_copied(play: Stage) -> None:
    image_id = await play.active()
    (play.home / "stores" / "fast" / image_id).write_bytes(DATA[:-1] + b"!")
    task_id = await play.ask(image_id, COPY)
    bench = play.bench()
    await begin.run(bench, task_id)
    job = begin.job_of(await play.task(task_id))
    assert job is not None
    with pytest.raises(DigestMismatch) as refused:
        await store.from_copies(bench, job)
    assert await play.content("slow", image_id) is None
    await undo.run(bench, job, Status.ACTIVE, StepFailed("copy", refused.value.code, str(refused.value)))
    task = await play.task(task_id)
    assert task.status is TaskStatus.FAILURE
    assert "Step 'copy' failed: The MD5 of the data is" in task.message
    image = await play.image(image_id)
    assert (image.status, [each.store for each in image.locations]) == (Status.ACTIVE, ["fast"])
    assert image.properties["os_glance_failed_import"] == "slow"
    assert await play.left_over() == []


async def test_what_a_crash_left_in_a_store_is_replaced(play: Stage) -> None:
    image_id = await play.staged()
    (play.home / "stores" / "fast" / image_id).write_bytes(b"half of another attempt")
    task_id = await play.ask(image_id, DIRECT)
    job = begin.job_of(await play.task(task_id))
    assert job is not None
    await store.from_staging(play.bench(), job)
    assert await play.content("fast", image_id) == DATA
    before = await play.image(image_id)
    await store.from_staging(play.bench(), job)  # begun again, as its end had not been journalled
    assert await play.image(image_id) == before


async def test_a_foreign_task_that_died_gives_way(play: Stage) -> None:
    image_id = await play.active()
    foreign = str(uuid.uuid4())

    async def as_a_glance_would(silent: dt.timedelta) -> None:
        when = utcnow() - silent
        row = {"id": foreign, "type": "api_image_import", "status": "processing", "owner": "admin", "deleted": False}
        times = {"created_at": when, "updated_at": when, "image_id": image_id}
        await play.parts.database.write(lambda conn: conn.execute(insert(task_rows).values(**row, **times)))
        await play.parts.database.write(lambda conn: conn.execute(insert(task_info).values(task_id=foreign)))

    async def lock() -> None:
        image = await play.image(image_id)
        after = msgspec.structs.replace(image, properties={LOCK: foreign}, updated_at=utcnow())
        await play.parts.database.write(lambda conn: images_repo.update(conn, image, after))

    await as_a_glance_would(dt.timedelta(minutes=59))
    await lock()
    with pytest.raises(ImportRunning):
        await play.ask(image_id, COPY)
    long_ago = utcnow() - dt.timedelta(minutes=61)
    silent = update(task_rows).where(task_rows.c.id == foreign).values(updated_at=long_ago)
    await play.parts.database.write(lambda conn: conn.execute(silent))
    task_id = await play.ask(image_id, COPY)
    assert (await play.image(image_id)).properties[LOCK] == task_id
    assert await tasks.page(play.parts, ADMIN, TaskQuery(owner=None, status=TaskStatus.FAILURE)) == []  # expired


async def test_staged_data_expire(play: Stage) -> None:
    image_id = await play.staged()
    parts = msgspec.structs.replace(play.parts, task_settings=TaskSettings(staged_hours=1))
    assert await staging.expire_staged(parts) == 0
    old = utcnow() - dt.timedelta(minutes=61)
    aged = update(image_rows).where(image_rows.c.id == image_id).values(updated_at=old)
    await parts.database.write(lambda conn: conn.execute(aged))
    assert await staging.expire_staged(msgspec.structs.replace(parts, task_settings=TaskSettings(staged_hours=0))) == 0
    assert await staging.expire_staged(parts) == 1
    image = await play.image(image_id)
    assert (image.status, image.size) == (Status.QUEUED, None)
    assert await play.left_over() == []


async def test_deleting_an_image_removes_what_is_staged(play: Stage) -> None:
    image_id = await play.staged()
    await play.delete(image_id)
    assert await play.left_over() == []


async def test_finished_tasks_are_forgotten(play: Stage) -> None:
    image_id = await play.staged()
    task_id = await play.ask(image_id, DIRECT)
    job = begin.job_of(await play.task(task_id))
    assert job is not None
    bench = msgspec.structs.replace(play.bench(), task_hours=0)
    await undo.run(bench, job, Status.UPLOADING, StepFailed("store", "x", "No."))
    assert await tasks.of_image(play.parts, ADMIN, image_id) == []
    assert await tasks.expire(play.parts) == [task_id]
    assert await tasks.expire(play.parts) == []


async def test_nobody_calls_off_what_is_over(play: Stage) -> None:
    with pytest.raises(importing.NoImportRunning):
        await importing.cancel(play.parts, ADMIN, await play.staged())
