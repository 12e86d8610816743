"""Packed data become plain ones however they are cut; what is damaged, ambiguous or a trap is refused."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intaglio.ingest.base import CannotUnpack
from intaglio.ingest.unpacking import HEAD, UnpackingLimits, packing, unpacked
from intaglio.stores.conformance_sources import noise

pytestmark = pytest.mark.anyio

DATA = noise(40_000) + bytes(3 << 20) + noise(1 << 20)
NONE = UnpackingLimits()


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED, **how: Any) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members:
            with archive.open(name, "w", **how) as file:
                file.write(data)
    return out.getvalue()


class Unseekable(io.RawIOBase):
    """What a zip is streamed into: sizes then stand behind the data."""

    def __init__(self) -> None:
        self.data = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.data += bytes(data)
        return len(data)


def streamed(name: str, data: bytes) -> bytes:
    out = Unseekable()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return out.data


def stored(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(name, data)
    return out.getvalue()


def tarred(*members: tuple[str, bytes], form: int = tarfile.GNU_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


OVA = (("disk.ovf", b"<Envelope/>"), ("disk.vmdk", DATA), ("disk.mf", b"SHA256(disk.vmdk)= 0"))
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "gzip-twice": lambda data: gzip.compress(data[:1000]) + gzip.compress(data[1000:]) + bytes(700),
    "bzip2": bz2.compress,
    "bzip2-twice": lambda data: bz2.compress(data[:1000]) + bz2.compress(data[1000:]),
    "xz": lzma.compress,
    "xz-twice": lambda data: lzma.compress(data[:1000]) + bytes(8) + lzma.compress(data[1000:]),
    "zstd": zstandard.compress,
    "zstd-twice": lambda data: zstandard.compress(data[:1000]) + zstandard.compress(data[1000:]),
    "zip": lambda data: zipped(("../../etc/passwd", data)),
    "zip-stored": lambda data: stored("disk", data),
    "zip-streamed": lambda data: streamed("disk", data),
    "zip-64": lambda data: zipped(("disk", data), force_zip64=True),
    "tar": lambda data: tarred(("/../disk", data)),
    "tar-pax": lambda data: tarred(("n" * 200, data), form=tarfile.PAX_FORMAT),
    "tar-long": lambda data: tarred(("n" * 200, data)),
    "ova": lambda data: tarred(OVA[0], ("disk.vmdk", data), OVA[2]),
    "tar.gz": lambda data: gzip.compress(tarred(("disk.raw", data))),
    "tar.xz": lambda data: lzma.compress(tarred(("disk.raw", data))),
}


async def cut(data: bytes, sizes: Sequence[int] = (65536,)) -> AsyncGenerator[bytes, None]:
    at, turn = 0, 0
    while at < len(data):
        size = max(1, sizes[turn % len(sizes)])
        yield data[at : at + size]
        at, turn = at + size, turn + 1


async def plain(packed: bytes, limits: UnpackingLimits = NONE, sizes: Sequence[int] = (65536,)) -> bytes:
    return b"".join([piece async for piece in unpacked(cut(packed, sizes), limits)])


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("data", [DATA, b"short", b"x" * HEAD], ids=["long", "short", "head"])
async def test_comes_back(name: str, data: bytes) -> None:
    if name.endswith("twice") and len(data) < 1000:
        data = data * 1000
    assert await plain(PACKED[name](data)) == data


@pytest.mark.parametrize("name", [name for name in PACKED if not name.startswith("tar.")])
async def test_it_is_told_what_it_was(name: str) -> None:
    told: list[str] = []
    async for _ in unpacked(cut(PACKED[name](DATA)), NONE, told.append):
        pass
    assert told == [{"ova": "tar"}.get(name, name.split("-", maxsplit=1)[0])]


@pytest.mark.parametrize("name", PACKED)
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(sizes=st.lists(st.integers(1, 9000), min_size=1, max_size=5))
async def test_however_it_is_cut(name: str, sizes: list[int]) -> None:
    data = noise(1000) + bytes(12_000) + b"end"
    assert await plain(PACKED[name](data), sizes=sizes) == data


@pytest.mark.parametrize("data", [b"", b"x", b"PK", b"\x1f\x8b", noise(5000), bytes(5000)], ids=range(6))
async def test_what_is_not_packed_passes(data: bytes) -> None:
    assert packing(data[:HEAD]) is None
    assert await plain(data) == data


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("part", [0.5, 0.999])
async def test_cut_short(name: str, part: float) -> None:
    """At half, and just before its end, where an archive keeps what it knows of itself."""
    packed = PACKED[name](DATA)
    if name.endswith("gzip-twice"):
        packed = packed.rstrip(b"\0")
    if name in {"tar", "tar-pax", "tar-long", "ova"} and part > 0.9:
        packed = packed.rstrip(b"\0") + bytes(100)  # without the blocks that say that it is over
        part = 1
    with pytest.raises(CannotUnpack):
        await plain(packed[: int(len(packed) * part)])


@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz", "zip", "zip-stored"])
async def test_damaged(name: str) -> None:
    """A bit in the middle is another one; each of these has a checksum."""
    packed = bytearray(PACKED[name](DATA))
    packed[20_000] ^= 1
    with pytest.raises(CannotUnpack):
        await plain(bytes(packed))


ENCRYPTED = bytearray(zipped(("disk", b"data")))
ENCRYPTED[6] |= 1


@pytest.mark.parametrize(
    ("packed", "said"),
    [
        (zipped(("a", b"1"), ("b", b"2")), "more than one file"),
        (zipped(("a", DATA), ("b", DATA)), "more than one file"),
        (bytes(ENCRYPTED), "encrypted"),
        (zipped(("a", b"1"), method=zipfile.ZIP_LZMA), "use deflate"),
        (tarred(("a", b"1"), ("b", b"2")), "more than one disk"),
        (tarred(OVA[0]), "no disk"),
        (tarred(("a", DATA)).replace(b"ustar", b"ustax", 1), None),
        (b"\x1f\x8b\x08 and no more", "damaged"),
    ],
    ids=["two", "two-long", "encrypted", "method", "two-disks", "no-disk", "no-tar", "no-gzip"],
)
async def test_refused(packed: bytes, said: str | None) -> None:
    if said is None:
        assert await plain(packed) == packed
        return
    with pytest.raises(CannotUnpack, match=said):
        await plain(packed)


@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz", "zstd", "zip", "tar.gz"])
async def test_traps_end_soon_and_in_little_memory(name: str) -> None:
    packed = PACKED[name](bytes(64 << 20))
    given_out: list[int] = []

    async def read() -> None:
        async for piece in unpacked(cut(packed), UnpackingLimits(ratio=20, free=1 << 20)):
            given_out.extend([len(piece)])

    with pytest.raises(CannotUnpack, match="more than 20 times their size"):
        await read()
    assert max(given_out) <= 1 << 20
    assert sum(given_out) <= (1 << 20) + 20 * len(packed)


async def test_sources_are_closed() -> None:
    closed = []

    async def source() -> AsyncGenerator[bytes, None]:
        try:
            async for piece in cut(gzip.compress(DATA), [1000]):
                yield piece
        finally:
            closed.append(True)

    reading = unpacked(source(), NONE)
    await anext(reading)
    await reading.aclose()
    assert closed == [True]
