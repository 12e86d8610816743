"""An import survives the death of its worker also where things go wrong; everywhere else, see test_kill_matrix.py."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from intaglio.domain.image import Image
from intaglio.domain.patch import Operation
from intaglio.domain.signatures import evidence_of
from intaglio.domain.status import Status
from intaglio.domain.task import TaskStatus
from intaglio.services import images, importing
from intaglio.services.resigning import DigestPending
from tests.imports.source import Source, serving
from tests.imports.stage import ADMIN, DATA, DIRECT, Stage, stage_at
from tests.starters import signers
from tests.starters.databases import Databases

pytestmark = pytest.mark.anyio
SHA256 = "sha256:" + hashlib.sha256(DATA).hexdigest()
SMALL_PART = 1 << 19  # as in actor.py, which cannot be imported: it is a program
on_sqlite = pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("databases", ["postgresql"], indirect=True)


@pytest.fixture
async def play(tmp_path: Path, databases: Databases) -> AsyncIterator[Stage]:
    async with stage_at(tmp_path, databases.empty().connection) as stage:
        yield stage


@pytest.fixture
def source() -> Iterator[Source]:
    with serving() as found:
        yield found


def web(source: Source, **more: str) -> dict[str, Any]:
    return {"method": {"name": "web-download", "uri": source.url, **more}}


def killed_at(play: Stage, points: list[str]) -> None:
    """A new worker for each point, killed when it has come there; and one that goes on to the end."""
    for number, point in enumerate(points):
        play.hang(point)
        play.enter(f"w{number}")
        play.await_note(f"w{number} {point}")
        play.kill(f"w{number}")
    play.hang("")
    play.enter("last")


@on_sqlite
@pytest.mark.timeout(300)
async def test_a_failure_is_undone_whoever_does_it(play: Stage) -> None:
    image_id = await play.staged()
    play.full("slow")
    task_id = await play.ask(image_id, {**DIRECT, "all_stores": True})
    killed_at(play, ["undo:before", "undo:after"])
    task = await play.ended(task_id)
    assert task.status is TaskStatus.FAILURE
    assert "Step 'store' failed" in task.message
    assert "no space left" in task.message
    image = await play.image(image_id)
    assert (image.status, image.size) == (Status.UPLOADING, len(DATA))
    assert image.properties["os_glance_failed_import"] == "fast,slow"
    assert [await play.content(store, image_id) for store in ("fast", "slow")] == [None, None]
    play.full()
    again = await play.ended(await play.ask(image_id, {**DIRECT, "all_stores": True}))
    play.leave("last")
    assert again.status is TaskStatus.SUCCESS, again.message
    assert (await play.image(image_id)).properties["os_glance_failed_import"] == ""
    assert await play.left_over() == []


@pytest.mark.timeout(300)
async def test_refused_data_are_removed_whoever_does_it(play: Stage) -> None:
    image_id = await play.staged(disk_format="qcow2")
    task_id = await play.ask(image_id, DIRECT)
    killed_at(play, ["undo:before", "undo:after"])
    task = await play.ended(task_id)
    play.leave("last")
    assert (task.status, "were removed" in task.message) == (TaskStatus.FAILURE, True)
    image = await play.image(image_id)
    assert (image.status, image.size) == (Status.QUEUED, None)
    assert await play.left_over() == []


@on_sqlite
async def test_one_store_may_fail(play: Stage) -> None:
    image_id = await play.staged()
    play.full("slow")
    play.enter("w")
    body = {**DIRECT, "all_stores": True, "all_stores_must_succeed": False}
    task = await play.ended(await play.ask(image_id, body))
    assert task.status is TaskStatus.SUCCESS
    assert "slow" in task.message
    image = await play.image(image_id)
    assert [location.store for location in image.locations] == ["fast"]
    assert image.properties["os_glance_failed_import"] == "slow"
    play.full()
    copy = await play.ended(await play.ask(image_id, {"method": {"name": "copy-image"}, "all_stores": True}))
    play.leave("w")
    assert copy.status is TaskStatus.SUCCESS
    image = await play.image(image_id)
    assert image.properties["os_glance_failed_import"] == ""
    assert await play.content("slow", image_id) == DATA


@on_sqlite
async def test_called_off_in_the_middle(play: Stage) -> None:
    image_id = await play.staged()
    play.hang("put:inside")
    play.enter("w")
    task_id = await play.ask(image_id, DIRECT)
    play.await_note("w put:inside")
    progress = await play.progress(task_id)
    assert (progress.step, progress.total) == ("store", len(DATA))
    assert 0 < progress.done <= len(DATA)
    await importing.cancel(play.parts, ADMIN, image_id)
    task = await play.ended(task_id)
    assert (task.status, task.message) == (TaskStatus.FAILURE, "It was cancelled.")
    assert (await play.image(image_id)).status is Status.UPLOADING
    assert await play.content("fast", image_id) is None
    play.hang("")
    again = await play.ended(await play.ask(image_id, DIRECT))
    play.leave("w")
    assert again.status is TaskStatus.SUCCESS
    assert await play.left_over() == []


@on_sqlite
async def test_deleted_in_the_middle(play: Stage) -> None:
    image_id = await play.staged()
    play.hang("put:inside")
    play.enter("w")
    task_id = await play.ask(image_id, DIRECT)
    play.await_note("w put:inside")
    await images.delete(play.parts, ADMIN, image_id)
    task = await play.ended(task_id)
    play.leave("w")
    assert task.status is TaskStatus.FAILURE
    assert "deleted" in task.message
    assert await play.content("fast", image_id) is None
    assert await play.left_over() == []


@on_postgresql
@pytest.mark.real
async def test_another_worker_finishes_what_a_dead_one_began(play: Stage) -> None:
    image_id = await play.staged()
    task_id = await play.ask(image_id, DIRECT)
    play.hang("put:inside")
    play.enter("ann")
    play.await_note("ann put:inside")
    play.enter("bob")
    play.kill("ann")
    play.await_note("bob put:inside")
    play.hang("")
    task = await play.ended(task_id)
    play.leave("bob")
    assert task.status is TaskStatus.SUCCESS
    assert await play.content("fast", image_id) == DATA
    assert await play.left_over() == []
    assert play.count("begin:before") == 1


@on_sqlite
@pytest.mark.timeout(300)
async def test_another_file_at_the_source_is_fetched_from_its_beginning(play: Stage, source: Source) -> None:
    image_id = await play.queued()
    task_id = await play.ask(image_id, web(source))
    play.hang("stage:000002")
    play.enter("first")
    play.await_note("first stage:000002")
    play.kill("first")
    source.data, source.tag = DATA[::-1], '"two"'
    play.hang("")
    play.enter("last")
    task = await play.ended(task_id)
    play.leave("last")
    assert task.status is TaskStatus.SUCCESS, task.message
    assert await play.content("fast", image_id) == DATA[::-1]
    assert source.asked == [None, f"bytes={2 * SMALL_PART}-"]
    assert await play.left_over() == []


@on_sqlite
@pytest.mark.timeout(300)
async def test_a_failed_download_is_undone_whoever_does_it(play: Stage, source: Source) -> None:
    image_id = await play.queued()
    task_id = await play.ask(image_id, web(source, checksum="sha256:" + "0" * 64))
    killed_at(play, ["stage:000003", "undo:after"])
    task = await play.ended(task_id)
    play.leave("last")
    assert task.status is TaskStatus.FAILURE
    assert task.message.startswith("Step 'fetch' failed: The sha256 of what came is")
    image = await play.image(image_id)
    assert (image.status, image.size) == (Status.QUEUED, None)
    assert await play.content("fast", image_id) is None
    assert await play.left_over() == []


@on_sqlite
async def test_a_download_is_called_off_in_the_middle(play: Stage, source: Source) -> None:
    source.hold.clear()
    image_id = await play.queued()
    play.enter("w")
    task_id = await play.ask(image_id, web(source))
    progress = await play.progress(task_id)
    assert (progress.step, progress.total) == ("fetch", len(DATA))
    assert 0 < progress.done <= len(DATA) // 2
    await importing.cancel(play.parts, ADMIN, image_id)
    task = await play.ended(task_id)
    play.leave("w")
    assert task.status is TaskStatus.FAILURE
    image = await play.image(image_id)
    assert (image.status, image.size) == (Status.QUEUED, None)
    assert await play.left_over() == []


@on_postgresql
@pytest.mark.real
async def test_another_worker_finishes_a_download(play: Stage, source: Source) -> None:
    image_id = await play.queued()
    task_id = await play.ask(image_id, web(source))
    play.hang("stage:000003")
    play.enter("ann")
    play.await_note("ann stage:000003")
    play.enter("bob")
    play.kill("ann")
    play.hang("")
    task = await play.ended(task_id)
    play.leave("bob")
    assert task.status is TaskStatus.SUCCESS, task.message
    assert await play.content("fast", image_id) == DATA
    assert source.asked == [None, f"bytes={3 * SMALL_PART}-"]
    assert await play.left_over() == []


@on_sqlite
@pytest.mark.timeout(300)
async def test_the_digest_that_a_new_signature_is_about(play: Stage) -> None:
    """A change of an active image waits for a task that reads its data, whoever carries that out in the end."""
    image_id, ann = await play.active(), signers.signer("Ann")
    signers.keep(play.home / "data" / "certificates", ann)
    named = ann.properties(DATA, "SHA-256")
    change = tuple(Operation("add", name, value=value) for name, value in named.items())

    async def changed() -> Image:
        while True:
            try:
                return await images.update(play.parts, ADMIN, image_id, change)
            except DigestPending:  # as a client does that has waited long enough
                continue

    changing = asyncio.create_task(changed())
    points = ["digest:before", "digest:after", "finish:before"]
    await asyncio.to_thread(killed_at, play, points)
    image = await changing
    await asyncio.to_thread(play.leave, "last")
    assert {name: image.properties[name] for name in named} == named
    evidence = evidence_of(image.properties, image.os_hash_value)
    assert evidence is not None
    assert evidence.digests == {"sha256": hashlib.sha256(DATA).hexdigest()}
    assert "os_glance_import_task" not in image.properties
    assert await play.left_over() == []
    assert play.count("digest:before") == 3  # a death before or inside repeats it, one behind does not
