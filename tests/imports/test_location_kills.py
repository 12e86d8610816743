"""Adding a location survives the death of its worker at every boundary of its steps and while it reads."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from intaglio.domain.status import Status
from intaglio.domain.task import LOCATION_URL, LOCK, TaskStatus
from intaglio.services import images, importing
from tests.imports.source import Source, serving
from tests.imports.stage import ADMIN, DATA, Stage, stage_at
from tests.starters.base import wait_until
from tests.starters.databases import Databases

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.timeout(300),
    pytest.mark.parametrize("databases", ["sqlite"], indirect=True),
]

SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
async def play(tmp_path: Path, databases: Databases) -> AsyncIterator[Stage]:
    async with stage_at(tmp_path, databases.empty().connection) as stage:
        yield stage


@pytest.fixture
def source() -> Iterator[Source]:
    with serving() as found:
        yield found


def killed_at(play: Stage, points: list[str]) -> None:
    """A new worker for each point, killed when it has come there; and one that goes on to the end."""
    for number, point in enumerate(points):
        play.hang(point)
        play.enter(f"w{number}")
        play.await_note(f"w{number} {point}")
        play.kill(f"w{number}")
    play.hang("")
    play.enter("last")


async def test_at_every_boundary(play: Stage, source: Source) -> None:
    image_id = await play.queued()
    task_id = await play.ask_location(image_id, source.url, SHA256)
    killed_at(play, ["location_begin:after", "location_look:after", "location_activate:after"])
    task = await play.ended(task_id)
    play.leave("last")
    assert (task.status, task.result) == (TaskStatus.SUCCESS, {"image_id": image_id}), task.message
    image = await play.image(image_id)
    assert (image.status, image.size, image.os_hash_value) == (Status.ACTIVE, len(DATA), SHA256)
    assert [(location.uri, location.store) for location in image.locations] == [(source.url, "web")]
    assert LOCK not in image.properties
    assert await play.left_over() == []
    # once journalled, never again: a death before or inside repeats a step, one behind it does not
    assert [play.count(f"location_{name}:before") for name in ("begin", "look", "activate")] == [2, 2, 2]


async def test_while_it_reads(play: Stage, source: Source) -> None:
    image_id = await play.queued()
    task_id = await play.ask_location(image_id, source.url)
    source.hold.clear()
    play.enter("first")
    wait_until(lambda: len(source.seen) == 2, "the reading")
    assert (await play.image(image_id)).status is Status.IMPORTING
    play.kill("first")
    source.hold.set()
    play.enter("last")
    task = await play.ended(task_id)
    play.leave("last")
    assert task.status is TaskStatus.SUCCESS, task.message
    image = await play.image(image_id)
    assert (image.status, image.os_hash_value) == (Status.ACTIVE, hashlib.sha512(DATA).hexdigest())
    assert await play.left_over() == []


async def test_other_data_never_become_active_whoever_finds_out(play: Stage, source: Source) -> None:
    image_id = await play.queued()
    task_id = await play.ask_location(image_id, source.url, "0" * 64)
    killed_at(play, ["location_undo:before", "location_undo:after"])
    task = await play.ended(task_id)
    play.leave("last")
    assert task.status is TaskStatus.FAILURE
    assert f"The sha256 of the data is {SHA256}, and should be 000" in task.message
    image = await play.image(image_id)
    assert (image.status, image.size, image.locations, LOCK in image.properties) == (Status.QUEUED, None, (), False)
    assert await play.left_over() == []
    assert play.count("location_activate:before") == 0


@pytest.mark.parametrize("deleted", [False, True], ids=["called-off", "deleted"])
async def test_nobody_wants_it_any_more(play: Stage, source: Source, deleted: bool) -> None:
    image_id = await play.queued()
    task_id = await play.ask_location(image_id, source.url)
    source.hold.clear()
    play.enter("w")
    wait_until(lambda: len(source.seen) == 2, "the reading")
    if deleted:
        await images.delete(play.parts, ADMIN, image_id)
    else:
        await importing.cancel(play.parts, ADMIN, image_id)
    task = await play.ended(task_id)
    source.hold.set()
    play.leave("w")
    assert task.status is TaskStatus.FAILURE
    assert ("deleted" if deleted else "cancelled") in task.message
    assert task.input is not None
    assert task.input[LOCATION_URL] == source.url
    if not deleted:
        assert (await play.image(image_id)).status is Status.QUEUED
    assert await play.left_over() == []


async def test_a_source_that_breaks_off_is_read_again(play: Stage, source: Source) -> None:
    source.breaks = [2, len(DATA) // 2]  # the look, and the first reading
    image_id = await play.queued()
    play.enter("w")
    task = await play.ended(await play.ask_location(image_id, source.url, SHA256))
    play.leave("w")
    assert task.status is TaskStatus.SUCCESS, task.message
    source.breaks = [2, 2] * 10
    other = await play.queued()
    play.enter("v")
    task = await play.ended(await play.ask_location(other, source.url, SHA256))
    play.leave("v")
    assert (task.status, "ended after" in task.message or "broke" in task.message) == (TaskStatus.FAILURE, True)
    assert len(source.breaks) == 20 - 2 * 3  # as often as http_retries says
