"""A qcow2 image read here gives the disk that qemu-img gives, however it was written; damage is an error."""

import asyncio
import contextlib
import functools
import os
import random
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from intaglio.base.errors import IntaglioError
from intaglio.formats.qcow2 import Layout
from intaglio.ingest.conversion import qcow2
from intaglio.ingest.conversion.base import ConversionSettings
from intaglio.ingest.conversion.qemu import QemuImg
from intaglio.ingest.conversion.reading import FileSource, Windowed
from tests.starters.images import image as real_image

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
KIB, MIB = 1 << 10, 1 << 20
SIZE = 3 * MIB + 512 * 3
FEATURES_END, CORRUPT = 79, 1 << 1  # the last byte of the incompatible features, and a bit in it

slow = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def writings(draw: st.DrawFn, cluster: int) -> list[str]:
    """Commands of qemu-io: data, zeros, data of a pattern that packs, compressed clusters, discarded ones."""
    found = []
    for _ in range(draw(st.integers(0, 8))):
        kind = draw(st.sampled_from(["write", "write -z", "write -c", "discard", "write -zu"]))
        if kind == "write -c":
            offset, length = draw(st.integers(0, SIZE // cluster - 1)) * cluster, cluster
        else:
            offset = draw(st.integers(0, SIZE // 512 - 1)) * 512
            length = min(draw(st.integers(1, 600)) * 512, SIZE - offset)
        pattern = f"-P {draw(st.integers(1, 255))} " if kind in {"write", "write -c"} else ""
        found.append(f"{kind} {pattern}{offset} {length}")
    return found


@st.composite
def images(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """Options of an image, and how it is written."""
    cluster = 1 << draw(st.sampled_from([9, 12, 16, 18]))
    options = [f"cluster_size={cluster}"]
    if draw(st.booleans()):
        options.append("compat=0.10")
    else:
        options.append(f"compression_type={draw(st.sampled_from(['zlib', 'zstd']))}")
        options.append(f"lazy_refcounts={draw(st.sampled_from(['on', 'off']))}")
    options.append(f"preallocation={draw(st.sampled_from(['off', 'off', 'metadata']))}")
    return options, draw(writings(cluster))


def tool(*words: str | Path, may_fail: bool = False) -> None:
    subprocess.run(words, check=not may_fail, capture_output=True)


def make(path: Path, options: list[str], commands: list[str]) -> None:
    path.unlink(missing_ok=True)
    tool("qemu-img", "create", "-q", "-f", "qcow2", "-o", ",".join(options), path, str(SIZE))
    words = [word for each in commands for word in ("-c", each)]
    if words:  # a discarded cluster of an old image, or one too small to be packed, is refused: the rest is written
        tool("qemu-io", "-f", "qcow2", *words, path, may_fail=True)


def expected(path: Path, driver: str = "qcow2") -> bytes:
    raw = path.with_suffix(".raw")
    tool("qemu-img", "convert", "-f", driver, "-O", "raw", path, raw)
    return raw.read_bytes()


def opened(path: Path) -> FileSource:
    descriptor = os.open(path, os.O_RDONLY)
    return FileSource(descriptor, os.fstat(descriptor).st_size)


async def disk(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        source = FileSource(descriptor, os.fstat(descriptor).st_size)
        image = await qcow2.readable(source)
        assert isinstance(image, Layout)
        return b"".join([piece async for piece in qcow2.disk(source, image)])
    finally:
        os.close(descriptor)


@slow
@given(made=images())
def test_any_image(made: tuple[list[str], list[str]], tmp_path: Path) -> None:
    path = tmp_path / "image.qcow2"
    make(path, *made)
    # qemu-io 7.2 marks a few images corrupt itself (lazy refcounts, a packed cluster made zero, another packed after)
    assume("compat=0.10" in made[0] or not path.read_bytes()[FEATURES_END] & CORRUPT)
    assert asyncio.run(disk(path)) == expected(path)


def test_an_image_marked_corrupt_is_left_to_the_tool(tmp_path: Path) -> None:
    path = tmp_path / "image.qcow2"
    make(path, ["cluster_size=65536"], ["write -P 7 0 65536"])
    data = bytearray(path.read_bytes())
    data[FEATURES_END] |= CORRUPT
    path.write_bytes(data)
    assert asyncio.run(qcow2.readable(opened(path))) is None


@functools.cache
def sample(name: str) -> bytes:
    return real_image(name).read_bytes()


@settings(slow, max_examples=150)
@given(
    name=st.sampled_from(["qcow2", "qcow2-compressed", "qcow2-v2"]),
    changes=st.lists(st.tuples(st.integers(0, 7000), st.integers(0, 255)), min_size=1, max_size=6),
    tables=st.lists(st.tuples(st.integers(0, 80), st.integers(0, 2**64 - 1)), max_size=3),
    cut=st.none() | st.integers(0, 2 * MIB),
)
def test_damaged_images(
    name: str, changes: list[tuple[int, int]], tables: list[tuple[int, int]], cut: int | None, tmp_path: Path
) -> None:
    """As many bytes as the disk has, or an error with its reason: nothing else ever."""
    data = bytearray(sample(name))
    (l1,) = struct.unpack_from(">Q", data, 40)
    (l2,) = struct.unpack_from(">Q", data, l1)
    for number, entry in tables:
        struct.pack_into(">Q", data, (l2 & 0x00FFFFFFFFFFFE00) + 8 * number, entry)
    for at, value in changes:
        data[at % 128 if at < 4000 else at] = value
    path = tmp_path / "damaged"
    path.write_bytes(data[:cut])
    with contextlib.suppress(IntaglioError):
        asyncio.run(either(path))


async def either(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        source = FileSource(descriptor, os.fstat(descriptor).st_size)
        image = await qcow2.readable(source)
        if image is None:
            return
        came = 0
        async for piece in qcow2.disk(source, image):
            assert len(piece) <= MIB * 2
            came += len(piece)
            if came > 64 * MIB:  # a disk that is large, by its header
                return
        assert came == image.size
    finally:
        os.close(descriptor)


@pytest.mark.anyio
async def test_a_large_empty_disk_costs_nothing(tmp_path: Path) -> None:
    """Zeros are not read, and are the same piece again and again."""
    path = tmp_path / "large"
    tool("qemu-img", "create", "-q", "-f", "qcow2", path, "64G")
    descriptor = os.open(path, os.O_RDONLY)
    source = FileSource(descriptor, os.fstat(descriptor).st_size)
    image = await qcow2.readable(source)
    assert image is not None
    pieces = {id(piece): len(piece) async for piece in qcow2.disk(source, image)}
    os.close(descriptor)
    assert len(pieces) == 1


@pytest.mark.anyio
@pytest.mark.parametrize("options", [["extended_l2=on"], ["encrypt.format=aes,encrypt.key-secret=k"]])
async def test_what_is_left_to_qemu_img(options: list[str], tmp_path: Path) -> None:
    path = tmp_path / "other"
    secret = ["--object", "secret,id=k,data=p"] if "encrypt" in options[0] else []
    tool("qemu-img", "create", "-q", "-f", "qcow2", *secret, "-o", options[0], path, "1M")
    source = opened(path)
    assert await qcow2.readable(source) is None
    if not secret:
        tool("qemu-io", "-f", "qcow2", "-c", "write -P 7 4096 8192", path)
        qemu = QemuImg(ConversionSettings(work_dir=tmp_path))
        source = opened(path)
        assert b"".join([piece async for piece in qemu.stream(source, "qcow2", MIB)]) == expected(path)


@pytest.mark.anyio
async def test_windows_give_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    data = random.Random(3).randbytes(300_000)
    path.write_bytes(data)
    windowed = Windowed(opened(path), 4096)
    dice = random.Random(4)
    for _ in range(300):
        offset = dice.randrange(len(data))
        length = dice.randrange(1, min(9000, len(data) - offset) + 1)
        assert await windowed.read(offset, length) == data[offset : offset + length]
