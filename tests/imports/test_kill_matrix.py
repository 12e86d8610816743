"""Every method survives the death of its worker at every boundary of its steps, and in the middle of the long ones.

Where that is stands in kills.py. A worker is started for each point and killed there; a last one goes on to the end.
"""

import contextlib
import hashlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from msgspec.structs import replace

from intaglio.domain.status import Status
from intaglio.domain.task import TaskStatus
from intaglio.identity.sealing import FernetSeal
from intaglio.imports.methods import METHODS, PUBLIC
from intaglio.imports.plans import STEPS
from intaglio.services import importing, url_tasks
from tests.imports.kills import INSIDE, PAGE, begun, page, points, undone
from tests.imports.source import Source, serving
from tests.imports.stage import ADMIN, DATA, DIRECT, Stage, stage_at
from tests.starters.base import free_port, listening, wait_until

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]


@pytest.fixture
async def play(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with stage_at(tmp_path, f"sqlite:///{tmp_path}/images.sqlite") as stage:
        if "glance-download" in request.node.name:
            await _with_another_region(stage)
        yield stage


async def _with_another_region(play: Stage) -> None:
    """It is an API process of this same service."""
    port = free_port()
    (play.home / "region").write_text(f"http://127.0.0.1:{port}")
    play.troupe.enter("region", port=port)
    await anyio.to_thread.run_sync(wait_until, lambda: listening(port), "the region")
    play.parts = replace(play.parts, seal=FernetSeal("a secret of this service"))


@pytest.fixture
def source() -> Iterator[Source]:
    with serving() as found:
        yield found


async def killed_at(play: Stage, wanted: Iterator[tuple[str, str]]) -> None:
    for number, (point, words) in enumerate(wanted):
        play.hang(point)
        play.enter(f"w{number}")
        await anyio.to_thread.run_sync(wait_until, lambda at=(number, point): _came(play, *at), f"{point}: {words}")
        play.kill(f"w{number}")
    play.hang("")
    play.enter("last")


def _came(play: Stage, number: int, point: str) -> bool:
    return f"w{number} {point}" in play.notes()


async def asked(play: Stage, source: Source, method: str, hang: str = "") -> tuple[str, str, dict[str, Any]]:
    """An image and a task of this method about it, and what the image is when it has succeeded.

    A worker that is there already hangs where `hang` says when it comes there for the task.
    """
    if method == "glance-direct":
        image_id = await play.staged()
        play.hang(hang)
        return image_id, await play.ask(image_id, {**DIRECT, "all_stores": True}), {}
    if method == "copy-image":
        image_id = await play.active()
        play.hang(hang)
        return image_id, await play.ask(image_id, {"method": {"name": method}, "stores": ["slow"]}), {}
    if method == "web-download":
        image_id = await play.queued()
        play.hang(hang)
        checksum = "sha256:" + hashlib.sha256(DATA).hexdigest()
        body = {"method": {"name": method, "uri": source.url, "checksum": checksum}, "all_stores": True}
        return image_id, await play.ask(image_id, body), {}
    return await _asked_of_a_region(play, hang)


async def _asked_of_a_region(play: Stage, hang: str) -> tuple[str, str, dict[str, Any]]:
    there = await play.active()
    image_id = await play.queued(disk_format="iso", container_format="docker")
    play.hang(hang)
    method = {"name": "glance-download", "glance_image_id": there, "glance_region": "There"}
    task_id = await play.ask(image_id, {"method": method, "all_stores": True})
    return image_id, task_id, {"disk_format": "raw", "container_format": "bare"}


async def require_whole(play: Stage, image_id: str, **facts: object) -> None:
    """The image is there in full, once in each store, and nothing else is."""
    image = await play.image(image_id)
    assert (image.status, image.size) == (Status.ACTIVE, len(DATA))
    assert image.os_hash_value == hashlib.sha512(DATA).hexdigest()
    assert {name: getattr(image, name) for name in facts} == facts
    assert sorted(location.store or "" for location in image.locations) == ["fast", "slow"]
    assert [await play.content(store, image_id) for store in ("fast", "slow")] == [DATA, DATA]
    assert "os_glance_import_task" not in image.properties
    assert await play.left_over() == []


def test_every_method_and_every_step_has_its_points() -> None:
    assert {step for method in METHODS.values() for step in method.steps} == set(STEPS)
    assert set(INSIDE) <= set(STEPS)


def test_the_page_shows_the_points() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "stale: run python -m tests.imports.kills"


@pytest.mark.parametrize("method", PUBLIC)
async def test_killed_everywhere(play: Stage, source: Source, method: str) -> None:
    image_id, task_id, facts = await asked(play, source, method)
    await killed_at(play, points(method))
    task = await play.ended(task_id)
    play.leave("last")
    assert (task.status, task.result) == (TaskStatus.SUCCESS, {"image_id": image_id}), task.message
    await require_whole(play, image_id, **facts)
    # a death before the end of a step repeats that step, and none that is in the journal
    steps = ("begin", *METHODS[method].steps[:-1])
    assert {step: play.count(f"{step}:before") for step in steps} == {step: begun(step) for step in steps}
    assert play.count("finish:before") <= begun("finish")  # once it was done the task had ended, for us as well
    if method == "web-download":  # whole before it was first said so: nothing of it was asked for after that
        assert [wanted for wanted in source.asked if wanted is not None] == ["bytes=1048576-"]


@pytest.mark.parametrize("method", PUBLIC)
async def test_killed_while_a_failure_is_undone(play: Stage, source: Source, method: str) -> None:
    play.full("slow")
    image_id, task_id, _ = await asked(play, source, method)
    before = METHODS[method].start
    await killed_at(play, undone())
    task = await play.ended(task_id)
    play.leave("last")
    assert task.status is TaskStatus.FAILURE
    assert "no space left" in task.message
    image = await play.image(image_id)
    assert (image.status, await play.content("slow", image_id)) == (before, None)
    assert (await play.content("fast", image_id) is None) is (before is not Status.ACTIVE)
    if method == "glance-download":
        assert (image.disk_format, image.container_format) == ("iso", "docker")
    staged = {image_id} if before is Status.UPLOADING else set()
    assert set(await play.left_over()) == staged


async def test_a_task_of_the_type_import(play: Stage, source: Source) -> None:
    given = {"import_from": source.url, "import_from_format": "raw", "image_properties": {"name": "made"}}
    task = await url_tasks.begin(play.parts, ADMIN, given, offered=("web-download",))
    await killed_at(play, iter([("begin:after", ""), ("fetch:after", ""), ("store:after", "")]))
    ended = await play.ended(task.id)
    play.leave("last")
    assert (ended.status, ended.result) == (TaskStatus.SUCCESS, {"image_id": task.image_id}), ended.message
    assert await play.content("fast", task.image_id or "") == DATA
    assert await play.left_over() == []


async def test_deleting(play: Stage) -> None:
    """The API process dies with the object not yet removed, then workers do, before and after it is."""
    image_id = await play.active()
    port = free_port()
    play.troupe.enter("api", port=port)
    await anyio.to_thread.run_sync(wait_until, lambda: listening(port), "the API")
    play.hang("delete:before")

    async def delete() -> None:
        async with httpx.AsyncClient(timeout=60) as client:
            with contextlib.suppress(httpx.TransportError):
                await client.delete(f"http://127.0.0.1:{port}/v2/images/{image_id}")

    async with anyio.create_task_group() as group:
        group.start_soon(delete)
        await anyio.to_thread.run_sync(wait_until, lambda: "api delete:before" in play.notes(), "the deletion")
        play.kill("api")
    assert await play.content("fast", image_id) == DATA
    await killed_at(play, iter([("delete:before", ""), ("delete:after", "")]))
    for _ in range(400):
        if not await play.left_over():
            break
        await anyio.sleep(0.05)
    play.leave("last")
    assert (await play.content("fast", image_id), await play.left_over()) == (None, [])


@pytest.mark.parametrize("way", ["cancel", "delete"])
@pytest.mark.parametrize("method", PUBLIC)
async def test_called_off_inside_every_long_step(play: Stage, source: Source, method: str, way: str) -> None:
    """It ends within seconds: the worker hangs for ever where it is."""
    play.enter("w")
    for step in METHODS[method].steps:
        for point in set(INSIDE.get(step, {})) & {"stage:000000", "put:inside"}:
            before = play.count(point)
            play.hang("")
            image_id, task_id, _ = await asked(play, source, method, hang=point)
            await anyio.to_thread.run_sync(wait_until, lambda at=(point, before): play.count(at[0]) > at[1], point)
            if way == "cancel":
                assert await importing.cancel(play.parts, ADMIN, image_id) == task_id
            else:
                await play.delete(image_id)
            task = await play.ended(task_id)
            assert (task.status, "deleted" in task.message or "cancelled" in task.message) == (TaskStatus.FAILURE, True)
            if way == "cancel":
                assert (await play.image(image_id)).status is METHODS[method].start
                await play.delete(image_id)
    play.hang("")
    for _ in range(200):
        if not await play.left_over():
            break
        await anyio.sleep(0.05)
    play.leave("w")
    assert await play.left_over() == []
