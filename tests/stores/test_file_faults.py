"""The file store on file systems that really fail: each row says what goes wrong, and what a caller then meets."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from intaglio.stores.base import Broken, Busy, Chunk, Denied, Full, NotFound, StoreError
from intaglio.stores.conformance import content
from intaglio.stores.conformance_sources import PIECE, asking, noise, pieces
from intaglio.stores.drivers.file import FileStore
from intaglio.stores.drivers.file_places import HIDDEN
from tests.starters.base import wait_until
from tests.starters.filesystems import Faulty, ext4, faulty, remount, shut_down, tmpfs
from tests.stores.test_file_conformance import FileConformance

pytestmark = [pytest.mark.anyio, pytest.mark.real]


def store_in(directory: Path, *, named: bool = False, **options: object) -> FileStore:
    store = FileStore("disk", {"filesystem_store_datadir": str(directory), **options})
    for place in store._places:
        place.unnamed = not named
    return store


def files(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.rglob("*") if path.is_file())


def free(directory: Path) -> int:
    return os.statvfs(directory).f_bfree


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with tmpfs(tmp_path / "mnt", "size=4m,nr_inodes=12") as directory:
        yield directory


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with ext4(tmp_path / "mnt", 32) as directory:
        yield directory


@pytest.fixture
def fuse(tmp_path: Path) -> Iterator[Faulty]:
    with faulty(tmp_path / "fuse") as system:
        yield system


@pytest.mark.parametrize("named", [False, True])
async def test_a_full_disk(small_disk: Path, named: bool) -> None:
    store = store_in(small_disk, named=named)
    await store.put("kept", pieces(noise(PIECE)))
    before = free(small_disk)
    for _ in range(3):
        with pytest.raises(Full, match="disk"):
            await store.put("key", pieces(noise(8 * PIECE)))
        assert files(small_disk) == ["kept"]
        assert free(small_disk) >= before - (1 if named else 0)  # the hidden directory
    assert await content(store, "kept") == noise(PIECE)
    await store.put("key", pieces(noise(PIECE)))
    await store.close()


async def test_a_full_disk_is_not_healthy(small_disk: Path) -> None:
    store = store_in(small_disk)
    (small_disk / "filler").write_bytes(bytes(4 * PIECE))
    with pytest.raises(Full):
        await store.check()
    await store.close()


@pytest.mark.parametrize("named", [False, True])
async def test_no_inodes_left(small_disk: Path, named: bool) -> None:
    store = store_in(small_disk, named=named)
    (small_disk / HIDDEN).mkdir()
    number = 0
    while os.statvfs(small_disk).f_ffree:
        (small_disk / f"file{number}").touch()
        number += 1
    with pytest.raises(Full):
        await store.put("key", pieces(noise(10)))
    for number in range(3):  # on tmpfs a second name takes an inode, too
        (small_disk / f"file{number}").unlink()
    await store.put("key", pieces(noise(10)))
    await store.close()


async def test_a_real_disk_that_fills_up_between_writes_and_flush(disk: Path) -> None:
    """ext4 takes bytes first and finds their place later."""
    store = store_in(disk)
    before = free(disk)
    with pytest.raises(Full):
        await store.put("key", pieces(noise(64 * PIECE)))
    assert files(disk) == []
    await store.put("key", pieces(noise(PIECE)))
    await store.delete("key")
    assert free(disk) >= before - 16  # directory blocks and the like
    await store.close()


async def test_a_disk_mounted_read_only(small_disk: Path) -> None:
    store = store_in(small_disk)
    await store.put("kept", pieces(noise(PIECE)))
    remount(small_disk, "ro")
    calls: tuple[Callable[[], Coroutine[Any, Any, object]], ...] = (
        lambda: store.put("key", pieces(b"data")),
        lambda: store.delete("kept"),
        store.check,
    )
    for call in calls:
        with pytest.raises(Denied, match=r"[Rr]ead-only"):
            await call()
    assert await content(store, "kept") == noise(PIECE)
    remount(small_disk, "rw")
    await store.check()
    await store.delete("kept")
    await store.close()


@pytest.mark.parametrize("named", [False, True])
async def test_a_disk_that_dies_during_an_upload(disk: Path, named: bool) -> None:
    store = store_in(disk, named=named)
    await store.put("kept", pieces(noise(PIECE)))

    async def die_late() -> None:
        if asked.pop():
            shut_down(disk)

    asked = [False, False, True, False, False]
    with pytest.raises(Broken, match=r"disk.*Input/output error"):
        await store.put("key", asking(noise(4 * PIECE), PIECE, die_late))
    calls: tuple[Callable[[], Coroutine[Any, Any, object]], ...] = (
        store.check,
        lambda: store.put("other", pieces(b"data")),
        lambda: store.delete("kept"),
    )
    for call in calls:
        with pytest.raises(Broken):
            await call()
    await store.close()


async def test_a_directory_that_is_gone_is_not_an_absent_object(tmp_path: Path) -> None:
    directory = tmp_path / "share"
    store = store_in(directory)
    await store.prepare()
    await store.put("key", pieces(b"data"))
    directory.rename(tmp_path / "elsewhere")
    calls: tuple[Callable[[], Coroutine[Any, Any, object]], ...] = (
        lambda: store.stat("key"),
        lambda: store.path("key"),
        lambda: store.delete("key"),
        lambda: content(store, "key"),
        lambda: anext(store.list()),
        lambda: store.put("new", pieces(b"data")),
        store.check,
    )
    for call in calls:
        with pytest.raises(Broken, match="directory"):
            await call()
    assert not directory.exists()
    (tmp_path / "elsewhere").rename(directory)
    assert await content(store, "key") == b"data"
    await store.check()
    await store.close()


@pytest.mark.parametrize("named", [False, True])
async def test_a_directory_that_goes_during_an_upload(tmp_path: Path, named: bool) -> None:
    directory = tmp_path / "share"
    store = store_in(directory, named=named)
    await store.prepare()

    async def go() -> None:
        if directory.exists():
            directory.rename(tmp_path / "elsewhere")

    with pytest.raises(Broken, match="directory"):
        await store.put("key", asking(noise(PIECE), PIECE, go))
    assert not directory.exists()
    assert len(files(tmp_path)) == (1 if named else 0)  # its private name went away with the directory
    (tmp_path / "elsewhere").rename(directory)
    assert await store.sweep() == (1 if named else 0)
    assert files(tmp_path) == []
    await store.close()


_ENDLESS = """
import asyncio, sys
from intaglio.stores.drivers.file import FileStore

async def endless():
    for number in range(1_000_000):
        yield [bytes([1]) * 1024 * 1024]
        print(number, flush=True)
        if number > 20:
            await asyncio.sleep(0.01)

async def main():
    store = FileStore("disk", {"filesystem_store_datadir": sys.argv[1]})
    store._places[0].unnamed = sys.argv[2] == "False"
    await store.put("key", endless())

asyncio.run(main())
"""


@pytest.fixture
def endless_writer() -> Iterator[Callable[[Path, bool], subprocess.Popen[bytes]]]:
    """Starts a process that uploads for ever, and waits until some of it is written."""
    writers: list[subprocess.Popen[bytes]] = []

    def start(directory: Path, named: bool) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", _ENDLESS, str(directory), str(named)]
        writer = subprocess.Popen(command, stdout=subprocess.PIPE)
        writers.append(writer)
        assert writer.stdout is not None
        while writer.stdout.readline().strip() != b"8":
            assert writer.poll() is None
        return writer

    yield start
    for writer in writers:
        with writer:
            writer.kill()


@pytest.mark.parametrize("named", [False, True])
async def test_a_writer_killed_with_9(
    disk: Path, named: bool, endless_writer: Callable[[Path, bool], subprocess.Popen[bytes]]
) -> None:
    before = free(disk)
    writer = endless_writer(disk, named)
    store = store_in(disk, named=named)
    assert await store.sweep() == 0  # it lives
    assert len(files(disk)) == (1 if named else 0)
    writer.kill()
    writer.wait()
    if named:
        assert [stat async for stat in store.list()] == []
        assert await store.sweep() == 1
    assert files(disk) == []
    assert free(disk) >= before - 16
    with pytest.raises(NotFound):
        await store.stat("key")
    await store.put("key", pieces(noise(PIECE)))
    await store.close()


@pytest.fixture(scope="module")
def share(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    """One FUSE file system for many tests that order no faults."""
    with faulty(tmp_path_factory.mktemp("fuse") / "share") as system:
        yield system


@pytest.fixture(scope="module")
def linkless_share(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    """One without hard links."""
    with faulty(tmp_path_factory.mktemp("fuse") / "linkless") as system:
        system.fail("link", "EPERM")
        yield system


def new_directory(system: Faulty) -> Path:
    directory = system.directory / str(len(list(system.directory.iterdir())))
    directory.mkdir()
    return directory


class TestOverFuse(FileConformance):
    """The whole contract on a file system without O_TMPFILE."""

    examples = 5

    @pytest.fixture
    def workspace(self, share: Faulty) -> Path:
        return new_directory(share)


class TestOverFuseWithoutLinks(FileConformance):
    """… and without hard links: names then move by an exclusive rename."""

    examples = 5

    @pytest.fixture
    def workspace(self, linkless_share: Faulty) -> Path:
        return new_directory(linkless_share)


@pytest.mark.parametrize(
    ("operation", "fault", "kind"),
    [
        ("write", "EIO", Broken),
        ("write", "ENOSPC", Full),
        ("write", "EDQUOT", Full),
        ("write", "EFBIG", Full),
        ("write", "ESTALE", Broken),
        ("fsync", "EIO", Broken),
        ("fsync", "ENOSPC", Full),
        ("create", "EROFS", Denied),
        ("create", "EACCES", Denied),
        ("create", "ENOSPC", Full),
        ("link", "EIO", Broken),
        ("link", "ENOSPC", Full),
        ("truncate", "EIO", Broken),
    ],
)
async def test_a_write_that_fails(fuse: Faulty, operation: str, fault: str, kind: type[StoreError]) -> None:
    store = store_in(fuse.directory)
    await store.put("warm", pieces(b"up"))
    fuse.fail(operation, fault)
    with pytest.raises(kind, match="'disk'") as met:
        await store.put("key", pieces(noise(3 * PIECE)))
    assert str(fuse.directory) not in str(met.value)
    fuse.heal()
    assert files(fuse.directory) == ["warm"]
    await store.put("key", pieces(noise(3 * PIECE)))
    assert await content(store, "key") == noise(3 * PIECE)
    await store.close()


@pytest.mark.parametrize(
    ("operation", "fault", "kind"),
    [("read", "EIO", Broken), ("read", "ESTALE", Broken), ("open", "EACCES", Denied), ("getattr", "EIO", Broken)],
)
async def test_a_read_that_fails(fuse: Faulty, operation: str, fault: str, kind: type[StoreError]) -> None:
    store = store_in(fuse.directory)
    await store.put("key", pieces(noise(3 * PIECE)))
    fuse.fail(operation, fault)
    with pytest.raises(kind, match="'disk'"):
        await content(store, "key")
    fuse.heal()
    assert await content(store, "key") == noise(3 * PIECE)
    await store.close()


@pytest.mark.parametrize("fault", ["ENOENT", "ESTALE"])
async def test_a_share_where_a_deleted_file_cannot_be_read_on(fuse: Faulty, fault: str) -> None:
    """So it is on NFS when another machine deletes."""
    store = store_in(fuse.directory)
    await store.put("key", pieces(noise(8 * PIECE)))
    async with aclosing(store.open("key")) as reader:
        await anext(reader)
        await store.delete("key")
        fuse.fail("read", fault)
        with pytest.raises(NotFound):
            assert [piece async for piece in reader] == []
    fuse.heal()
    await store.close()


@pytest.mark.parametrize("operation", ["create", "write", "fsync", "link"])
async def test_a_write_that_hangs_hangs_alone(fuse: Faulty, tmp_path: Path, operation: str) -> None:
    hung, well = store_in(fuse.directory, filesystem_store_timeout=1), store_in(tmp_path / "well")
    await well.prepare()
    fuse.fail(operation, "hang")
    writer = asyncio.create_task(hung.put("key", pieces(noise(PIECE))))
    await asyncio.to_thread(wait_until, fuse.hanging, "the hang")
    await well.put("key", pieces(noise(3 * PIECE)))  # ends although nothing lets the other go on
    assert await content(well, "key") == noise(3 * PIECE)
    with pytest.raises(Busy, match="'disk' did not answer within 1 s"):
        await writer
    fuse.heal()
    await gone(fuse.directory)
    await hung.put("key", pieces(noise(PIECE)))
    await hung.close()
    await well.close()


async def gone(directory: Path) -> None:
    """The call that hung cleans up after itself once it can. One look could miss a file that is just renamed."""
    looks = 0
    for _ in range(500):
        looks = 0 if files(directory) else looks + 1
        if looks > 5:
            return
        await asyncio.sleep(0.02)
    assert files(directory) == []


async def test_a_read_that_hangs(fuse: Faulty) -> None:
    store = store_in(fuse.directory, filesystem_store_timeout=1)
    await store.put("key", pieces(noise(3 * PIECE)))
    fuse.fail("read", "hang")
    async with aclosing(store.open("key")) as reader:
        with pytest.raises(Busy):
            await anext(reader)
    fuse.heal()
    assert await content(store, "key") == noise(3 * PIECE)
    await store.close()


async def test_when_every_thread_hangs_all_is_refused_in_time_and_heals(fuse: Faulty) -> None:
    store = store_in(fuse.directory, filesystem_store_timeout=1, filesystem_store_thread_pool_size=3)
    fuse.fail("getattr", "hang")
    for round_ in (8, 8):
        met = await asyncio.gather(*(store.stat("key") for _ in range(round_)), return_exceptions=True)
        assert {type(error) for error in met} == {Busy}
    with pytest.raises(Busy):
        await store.check()
    fuse.heal()
    for _ in range(500):
        try:
            await store.check()
        except Busy:
            await asyncio.sleep(0.02)
        else:
            break
    await store.put("key", pieces(b"data"))
    await store.close()


@pytest.mark.parametrize("operation", ["create", "write", "fsync", "read", "getattr"])
async def test_a_slow_one_is_waited_for_by_itself(fuse: Faulty, tmp_path: Path, operation: str) -> None:
    """Each call takes its while, and none fails; what goes to other stores meanwhile is done before."""
    slow, well = store_in(fuse.directory, filesystem_store_timeout=20), store_in(tmp_path / "well")
    await well.prepare()
    fuse.fail(operation, "slow")
    done: list[str] = []

    async def there_and_back(store: FileStore, name: str) -> None:
        await store.put("key", pieces(noise(PIECE)))
        assert await content(store, "key") == noise(PIECE)
        await store.delete("key")
        done.append(name)

    going = asyncio.create_task(there_and_back(slow, "slow"))
    await asyncio.to_thread(wait_until, fuse.hanging, "the slow call")
    await there_and_back(well, "well")
    await going
    assert done == ["well", "slow"]
    fuse.heal()
    assert files(fuse.directory) == []
    await slow.close()
    await well.close()


async def test_a_server_that_dies_under_a_mount(fuse: Faulty) -> None:
    store = store_in(fuse.directory)
    await store.put("key", pieces(noise(PIECE)))

    async def kill() -> AsyncGenerator[Chunk, None]:
        yield [noise(PIECE)]
        fuse.die()
        yield [noise(PIECE)]

    with pytest.raises(Broken):
        await store.put("other", kill())
    await store.close()
