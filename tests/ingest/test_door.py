"""What passes the door is known exactly; what does not pass leaves nothing behind, however it ends."""

import asyncio
import hashlib
import threading
import tracemalloc
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from intaglio.base.errors import Invalid, TooLarge, UnsupportedMedia
from intaglio.domain.digests import QUICK
from intaglio.formats.base import FormatMismatch, UnsafeContent
from intaglio.formats.settings import FormatSettings
from intaglio.ingest.base import CapExceeded, SizeMismatch, Spec, UnknownHash
from intaglio.ingest.door import Door
from intaglio.ingest.lanes import BACKLOG
from intaglio.stores.base import Exists, Full
from tests.ingest.store import FolderStore, as_store
from tests.starters.images import DISK_SIZE, image

pytestmark = pytest.mark.anyio
MIB = 1 << 20
RAW = Spec(disk_format="raw", container_format="bare", formats=FormatSettings(), size_cap=1 << 40)
QCOW2 = Spec(disk_format="qcow2", container_format="bare", formats=FormatSettings(), size_cap=1 << 40)


@pytest.fixture
def door() -> Iterator[Door]:
    opened = Door()
    yield opened
    opened.close()


async def cut(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


class Endless:
    """A source that counts what was taken from it, dies after `dies_at` bytes, and never ends by itself."""

    def __init__(self, head: bytes = b"", dies_at: int | None = None, mark: int = 0) -> None:
        self.head, self.dies_at, self.piece = head, dies_at, bytes(128 * 1024)
        self.given, self.mark, self.reached = 0, mark, asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self.head:
            self.given += len(self.head)
            yield self.head
        while self.dies_at is None or self.given < self.dies_at:
            self.given += len(self.piece)
            yield self.piece
            if self.given >= self.mark:
                self.reached.set()
            await asyncio.sleep(0)
        raise ConnectionError("the client left")


@pytest.mark.parametrize("size", [1000, 16 * 1024, 100_000, 300_000, 5 * MIB])
@pytest.mark.parametrize("name", ["qcow2", "iso-hybrid", "vhdx"])
async def test_what_passes(door: Door, tmp_path: Path, name: str, size: int) -> None:
    data, store = image(name).read_bytes(), FolderStore(tmp_path)
    spec = Spec(
        disk_format=name.split("-", maxsplit=1)[0],
        container_format="bare",
        formats=FormatSettings(),
        size_cap=len(data),
        size=len(data),
    )
    told = await door.admit(cut(data, size), as_store(store), "key", spec)
    assert (tmp_path / "key").read_bytes() == data
    assert store.leftovers == ["key"]
    assert store.size_hint == told.size == len(data)
    assert told.checksum == hashlib.md5(data, usedforsecurity=False).hexdigest()
    assert (told.os_hash_algo, told.os_hash_value) == ("sha512", hashlib.sha512(data).hexdigest())
    assert told.detected_format == spec.disk_format
    assert told.virtual_size
    if name != "iso-hybrid":
        assert told.virtual_size == DISK_SIZE


@settings(max_examples=60, deadline=None)
@given(sizes=st.lists(st.sampled_from([0, 1, 100, 2047, 16_383, 16_384, 70_000, 262_144, 400_000]), max_size=25))
def test_digests_are_of_the_stored_bytes_however_they_are_cut(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    pieces = [bytes([number + 1]) * size for number, size in enumerate(sizes)]
    folder = tmp_path_factory.mktemp("store")

    async def source() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    async def run() -> None:
        opened = Door(2)
        told = await opened.admit(source(), as_store(FolderStore(folder)), "key", RAW)
        opened.close()
        data = b"".join(pieces)
        assert (folder / "key").read_bytes() == data
        assert told.os_hash_value == hashlib.sha512(data).hexdigest()
        assert told.checksum == hashlib.md5(data, usedforsecurity=False).hexdigest()
        assert told.size == len(data)
        assert told.virtual_size == (len(data) or None)

    asyncio.run(run())


async def test_nothing_is_an_image_of_size_zero(door: Door, tmp_path: Path) -> None:
    told = await door.admit(cut(b"", 1), as_store(FolderStore(tmp_path)), "key", RAW)
    assert told.size == 0
    assert told.checksum == "d41d8cd98f00b204e9800998ecf8427e"
    assert (tmp_path / "key").read_bytes() == b""


@pytest.mark.parametrize("algorithm", ["sha256", "sha1", "sha3_512", "blake2b", "md5"])
async def test_the_second_digest_is_configured(door: Door, tmp_path: Path, algorithm: str) -> None:
    spec = Spec(
        disk_format="raw",
        container_format="bare",
        formats=FormatSettings(),
        size_cap=9 * MIB,
        hashing_algorithm=algorithm,
    )
    told = await door.admit(cut(b"abc" * MIB, 300_000), as_store(FolderStore(tmp_path)), "key", spec)
    assert told.os_hash_value == hashlib.new(algorithm, b"abc" * MIB).hexdigest()


@pytest.mark.parametrize("algorithm", ["crc32", "shake_128", ""])
async def test_an_unknown_hash_is_said_before_anything_is_read(door: Door, tmp_path: Path, algorithm: str) -> None:
    source, store = Endless(), FolderStore(tmp_path)
    spec = Spec(
        disk_format="raw", container_format="bare", formats=FormatSettings(), size_cap=9, hashing_algorithm=algorithm
    )
    with pytest.raises(UnknownHash, match="sha512"):
        await door.admit(aiter(source), as_store(store), "key", spec)
    assert (source.given, store.leftovers) == (0, [])


@pytest.mark.parametrize("announced", [0, 1, 2 * MIB - 1, 2 * MIB + 1, 1 << 50])
async def test_a_lie_about_the_size(door: Door, tmp_path: Path, announced: int) -> None:
    spec = Spec(disk_format="raw", container_format="bare", formats=FormatSettings(), size_cap=1 << 60, size=announced)
    store = FolderStore(tmp_path)
    with pytest.raises(SizeMismatch, match=f"{announced} ") as raised:
        await door.admit(cut(bytes(2 * MIB), 100_000), as_store(store), "key", spec)
    assert isinstance(raised.value, Invalid)
    assert store.leftovers == []


async def test_more_than_announced_is_not_read_to_its_end(door: Door, tmp_path: Path) -> None:
    source, store = Endless(), FolderStore(tmp_path)
    spec = Spec(disk_format="raw", container_format="bare", formats=FormatSettings(), size_cap=1 << 60, size=MIB)
    with pytest.raises(SizeMismatch):
        await door.admit(aiter(source), as_store(store), "key", spec)
    assert source.given <= MIB + len(source.piece)
    assert store.leftovers == []


async def test_the_cap_ends_a_stream_of_unknown_length(door: Door, tmp_path: Path) -> None:
    source, store = Endless(), FolderStore(tmp_path)
    spec = Spec(disk_format="raw", container_format="bare", formats=FormatSettings(), size_cap=3 * MIB)
    with pytest.raises(CapExceeded, match=str(3 * MIB)) as raised:
        await door.admit(aiter(source), as_store(store), "key", spec)
    assert isinstance(raised.value, TooLarge)
    assert source.given <= 3 * MIB + len(source.piece)
    assert store.leftovers == []


async def test_an_announced_size_above_the_cap_is_refused_unread(door: Door, tmp_path: Path) -> None:
    source, store = Endless(), FolderStore(tmp_path)
    spec = Spec(disk_format="raw", container_format="bare", formats=FormatSettings(), size_cap=10, size=11)
    with pytest.raises(CapExceeded):
        await door.admit(aiter(source), as_store(store), "key", spec)
    assert source.given == 0


async def test_exactly_the_cap_is_allowed(door: Door, tmp_path: Path) -> None:
    spec = Spec(disk_format="raw", container_format="bare", formats=FormatSettings(), size_cap=MIB)
    assert (await door.admit(cut(bytes(MIB), 70_000), as_store(FolderStore(tmp_path)), "key", spec)).size == MIB


@pytest.mark.parametrize(
    ("name", "spec", "error"),
    [
        ("qcow2-backing-file", QCOW2, UnsafeContent),
        ("qcow2-backing-file", RAW, UnsafeContent),
        ("zeros", QCOW2, FormatMismatch),
        ("vdi", QCOW2, FormatMismatch),
    ],
)
async def test_a_terabyte_of_the_wrong_thing_is_refused_at_its_beginning(
    door: Door, tmp_path: Path, name: str, spec: Spec, error: type[UnsupportedMedia]
) -> None:
    source, store = Endless(head=image(name).read_bytes()[:100_000]), FolderStore(tmp_path)
    with pytest.raises(error):
        await door.admit(aiter(source), as_store(store), "key", spec)
    assert source.given <= 100_000 + len(source.piece)
    assert store.leftovers == []


@pytest.mark.parametrize("name", ["vmdk-bad-footer", "vmdk-footer-elsewhere", "short", "empty"])
async def test_refused_at_the_end_is_refused_entirely(door: Door, tmp_path: Path, name: str) -> None:
    spec = Spec(disk_format="vmdk", container_format="bare", formats=FormatSettings(), size_cap=1 << 40)
    store = FolderStore(tmp_path)
    with pytest.raises(UnsupportedMedia):
        await door.admit(cut(image(name).read_bytes(), 90_000), as_store(store), "key", spec)
    assert store.leftovers == []


@pytest.mark.parametrize("dies_at", [0, 1, MIB, 5 * MIB + 1])
async def test_a_source_that_dies(door: Door, tmp_path: Path, dies_at: int) -> None:
    store = FolderStore(tmp_path)
    with pytest.raises(ConnectionError, match="client left"):
        await door.admit(aiter(Endless(dies_at=dies_at)), as_store(store), "key", RAW)
    assert store.leftovers == []
    await door.admit(cut(b"again", 5), as_store(store), "key", RAW)
    assert store.leftovers == ["key"]


@pytest.mark.parametrize("broken_at", [0, 1, 3 * MIB])
async def test_a_store_that_fails(door: Door, tmp_path: Path, broken_at: int) -> None:
    source, store = Endless(), FolderStore(tmp_path, broken_at, Full("no space"))
    with pytest.raises(Full):
        await door.admit(aiter(source), as_store(store), "key", RAW)
    assert source.given <= broken_at + BACKLOG + 2 * MIB
    assert store.leftovers == []


async def test_a_key_that_is_taken(door: Door, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"first")
    source = Endless()
    with pytest.raises(Exists):
        await door.admit(aiter(source), as_store(FolderStore(tmp_path)), "key", RAW)
    assert source.given == 0
    assert (tmp_path / "key").read_bytes() == b"first"


@pytest.mark.parametrize("after", [1, MIB, 4 * MIB])
async def test_cancelled(door: Door, tmp_path: Path, after: int) -> None:
    source, store = Endless(mark=after), FolderStore(tmp_path)
    task = asyncio.create_task(door.admit(aiter(source), as_store(store), "key", RAW))
    await source.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    given = source.given
    await asyncio.sleep(0.01)
    assert source.given == given
    assert store.leftovers == []


class Gate:
    """A consumer that waits to be let on, and counts."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.taken = 0
        self.threads: set[int] = set()

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        assert self.open.wait(30)
        self.threads.add(threading.get_ident())
        self.taken += len(data)


async def test_the_source_is_not_read_far_ahead_of_the_slowest_consumer(door: Door, tmp_path: Path) -> None:
    gate, source = Gate(), Endless(dies_at=32 * MIB)
    task = asyncio.create_task(door.admit(aiter(source), as_store(FolderStore(tmp_path)), "k", RAW, consumers=[gate]))
    before = -1
    while source.given != before or not source.given:  # until it stands still
        before = source.given
        await asyncio.sleep(0.05)
    assert source.given <= BACKLOG + 2 * MIB
    gate.open.set()
    with pytest.raises(ConnectionError):
        await task
    assert source.given >= 32 * MIB


async def test_another_consumer_sees_every_byte_off_the_loop_and_is_asked_last(door: Door, tmp_path: Path) -> None:
    gate, store, asked = Gate(), FolderStore(tmp_path), []
    gate.open.set()
    data = image("qcow2").read_bytes()

    def verify(digests: Mapping[str, str]) -> None:
        asked.append((gate.taken, store.leftovers, digests))

    spec = replace(QCOW2, digests=("sha256", QCOW2.hashing_algorithm))
    await door.admit(cut(data, 40_000), as_store(store), "key", spec, consumers=[gate], verify=verify)
    digests = {name: hashlib.new(name, data).hexdigest() for name in ("md5", QCOW2.hashing_algorithm, "sha256")}
    assert asked == [(len(data), [".key"], {**digests, QUICK: blake3(data).hexdigest()})]
    assert threading.get_ident() not in gate.threads


async def test_a_failed_verification_refuses(door: Door, tmp_path: Path) -> None:
    store = FolderStore(tmp_path)

    def verify(digests: Mapping[str, str]) -> None:
        raise Invalid("the signature is not of these bytes")

    with pytest.raises(Invalid, match="signature"):
        await door.admit(cut(bytes(MIB), 40_000), as_store(store), "key", RAW, verify=verify)
    assert store.leftovers == []


async def test_a_consumer_that_fails_ends_the_stream(door: Door, tmp_path: Path) -> None:
    class Failing:
        def update(self, data: object, /) -> None:
            raise Invalid("cannot digest this")

    source, store = Endless(), FolderStore(tmp_path)
    with pytest.raises(Invalid, match="digest"):
        await door.admit(aiter(source), as_store(store), "key", RAW, consumers=[Failing()])
    assert store.leftovers == []


async def test_the_meter_counts_before_and_may_refuse(door: Door, tmp_path: Path) -> None:
    store, counted = FolderStore(tmp_path), []

    def meter(size: int) -> None:
        counted.append(size)
        if sum(counted) > 2 * MIB:
            raise TooLarge("the project's quota is used up")

    with pytest.raises(TooLarge, match="quota"):
        await door.admit(aiter(Endless()), as_store(store), "key", RAW, meter=meter)
    assert 2 * MIB < sum(counted) <= 2 * MIB + 128 * 1024
    assert store.leftovers == []


async def test_a_store_that_stops_reading_early_is_no_success(door: Door, tmp_path: Path) -> None:
    class Careless(FolderStore):
        async def put(self, key: str, chunks: object, size_hint: int | None = None) -> object:  # type: ignore[override]
            return None

    with pytest.raises(RuntimeError, match="without reading"):
        await door.admit(cut(b"x", 1), as_store(Careless(tmp_path)), "key", RAW)


async def test_memory_does_not_grow_with_size_nor_with_tiny_pieces(door: Door, tmp_path: Path) -> None:
    async def fresh(total: int, piece: int) -> AsyncIterator[bytes]:
        for number in range(total // piece):
            yield number.to_bytes(8) * (piece // 8)

    async def peak(total: int, piece: int) -> int:
        tracemalloc.start()
        await door.admit(fresh(total, piece), as_store(FolderStore(tmp_path)), f"{total}-{piece}", RAW)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    assert await peak(64 * MIB, 256 * 1024) < 3 * MIB
    assert await peak(MIB, 8) < 3 * MIB


async def test_many_at_once_share_a_few_threads(tmp_path: Path) -> None:
    door = Door(2)
    before = threading.active_count()
    data = [bytes([number]) * (MIB + number) for number in range(12)]
    told = await asyncio.gather(
        *(
            door.admit(cut(each, 50_000), as_store(FolderStore(tmp_path)), str(number), RAW)
            for number, each in enumerate(data)
        )
    )
    assert [one.os_hash_value for one in told] == [hashlib.sha512(each).hexdigest() for each in data]
    assert len([one for one in threading.enumerate() if one.name.startswith("ingest")]) == 2
    door.close()
    assert not [one for one in threading.enumerate() if one.name.startswith("ingest")]
    assert threading.active_count() >= before - 1
