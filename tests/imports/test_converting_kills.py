"""A conversion survives the death of its worker: it is done again, nothing half is left, and the tool dies, too."""

import shutil
import struct
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from bench.processes import tree

from intaglio.domain.status import Status
from intaglio.domain.task import TaskStatus
from intaglio.services import importing
from intaglio.stores.conformance_sources import noise
from tests.imports.stage import ADMIN, DIRECT, Stage, stage_at
from tests.starters.base import wait_until
from tests.starters.databases import Databases

pytestmark = [pytest.mark.anyio, pytest.mark.real, pytest.mark.timeout(300)]
on_sqlite = pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
MIB = 1 << 20
DISK = noise(24 * MIB) + bytes(8 * MIB)
CONF = """
[image_import_opts]
image_import_plugins = [image_conversion]
[image_conversion]
output_format = {output}
"""
Play = Callable[[str], AbstractAsyncContextManager[Stage]]


@pytest.fixture
def play(tmp_path: Path, databases: Databases) -> Play:
    @asynccontextmanager
    async def begin(output: str) -> AsyncIterator[Stage]:
        (tmp_path / output).mkdir()
        more = CONF.format(output=output)
        async with stage_at(tmp_path / output, databases.empty().connection, more) as stage:
            yield stage

    return begin


def qemu_img(*words: str | Path) -> bool:
    return not subprocess.run(["qemu-img", *words], check=False, capture_output=True).returncode


def made(directory: Path, driver: str) -> bytes:
    (directory / "disk.raw").write_bytes(DISK)
    assert qemu_img("convert", "-f", "raw", "-O", driver, directory / "disk.raw", directory / "disk")
    return (directory / "disk").read_bytes()


def killed(stage: Stage, name: str, point: str, *, with_tool: bool = True) -> None:
    """Start a worker and kill it at the point; qemu-img, if it runs then, ends with it."""
    stage.hang(point)
    stage.enter(name)
    stage.await_note(f"{name} {point}")
    below = [each.pid for each in tree(stage.troupe.pid(name))]
    assert (len(below) > 1) is with_tool
    stage.kill(name)
    wait_until(lambda: not any(runs(pid) for pid in below), "the end of qemu-img")


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def scratch(stage: Stage) -> list[Path]:
    directory = stage.home / "data" / "converting"
    return list(directory.iterdir()) if directory.exists() else []


@on_sqlite
async def test_into_the_store_at_once(play: Play, tmp_path: Path) -> None:
    """By qemu-img while it is stored: nothing is put down in between."""
    async with play("raw") as stage:
        image_id = await stage.staged(made(tmp_path, "vmdk"), "vmdk")
        task_id = await stage.ask(image_id, DIRECT)
        killed(stage, "ann", "read:inside")
        killed(stage, "bob", "put:inside")
        stage.hang("")
        stage.enter("last")
        task = await stage.ended(task_id)
        stage.leave("last")
        assert task.status is TaskStatus.SUCCESS, task.message
        image = await stage.image(image_id)
        assert (image.status, image.disk_format, image.size) == (Status.ACTIVE, "raw", len(DISK))
        assert await stage.content("fast", image_id) == DISK
        assert await stage.left_over() == []
        assert not scratch(stage)


@on_sqlite
async def test_into_a_file_first(play: Play, tmp_path: Path) -> None:
    """What was put down has no name, and is gone with the process."""
    async with play("qcow2") as stage:
        image_id = await stage.staged(made(tmp_path, "vdi"), "vdi")
        task_id = await stage.ask(image_id, DIRECT)
        killed(stage, "ann", "read:inside")
        assert not scratch(stage)
        killed(stage, "bob", "put:inside", with_tool=False)
        stage.hang("")
        stage.enter("last")
        task = await stage.ended(task_id)
        stage.leave("last")
        assert task.status is TaskStatus.SUCCESS, task.message
        result = tmp_path / "result"
        result.write_bytes(await stage.content("fast", image_id) or b"")
        assert qemu_img("compare", "-f", "raw", "-F", "qcow2", tmp_path / "disk.raw", result)
        assert await stage.left_over() == []
        assert not scratch(stage)


@on_sqlite
async def test_called_off_in_the_middle(play: Play, tmp_path: Path) -> None:
    """The tool ends within seconds; the data wait for another try."""
    async with play("raw") as stage:
        data = made(tmp_path, "vhdx")
        image_id = await stage.staged(data, "vhdx")
        stage.hang("put:inside")
        stage.enter("ann")
        task_id = await stage.ask(image_id, DIRECT)
        stage.await_note("ann put:inside")
        progress = await stage.progress(task_id)
        while progress.step != "convert":
            progress = await stage.progress(task_id)
        assert progress.total == len(DISK)
        below = [each.pid for each in tree(stage.troupe.pid("ann"))][1:]
        assert below
        await importing.cancel(stage.parts, ADMIN, image_id)
        task = await stage.ended(task_id)
        assert (task.status, task.message) == (TaskStatus.FAILURE, "It was cancelled.")
        assert not any(runs(pid) for pid in below)
        image = await stage.image(image_id)
        assert (image.status, image.size, image.disk_format) == (Status.UPLOADING, len(data), "vhdx")
        await what_does_not_fit_is_said_at_once(stage, tmp_path)
        stage.leave("ann")


async def what_does_not_fit_is_said_at_once(stage: Stage, work: Path) -> None:
    """Before anything is converted, where the disk has more than what is free; the data are kept."""
    gigabytes = (shutil.disk_usage(work).free >> 30) + 64
    if gigabytes > 1000:
        pytest.skip("more is free on this machine than an image may have")
    assert qemu_img("create", "-q", "-f", "qcow2", "-o", "cluster_size=2M", work / "large", f"{gigabytes}G")
    data = bytearray((work / "large").read_bytes())
    first, clusters = struct.unpack_from(">Q", data, 40)[0], 2 * MIB
    every = struct.pack(">Q", len(data) + clusters) * (clusters // 8)  # each part of the disk is the same cluster
    for number in range(-(-gigabytes // 512)):
        struct.pack_into(">Q", data, first + 8 * number, len(data))
    data += every + b"x" * clusters
    image_id = await stage.staged(bytes(data), "qcow2")
    began = stage.count("put:inside")
    task = await stage.ended(await stage.ask(image_id, DIRECT))
    assert task.status is TaskStatus.FAILURE
    assert "bytes free, and the converted image takes" in task.message
    image = await stage.image(image_id)
    assert (image.status, image.size) == (Status.UPLOADING, len(data))
    assert stage.count("put:inside") == began
