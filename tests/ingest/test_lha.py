"""Archives of LHA, unpacked by the real lhasa as they stream; archives that are traps."""

import random
import struct
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from intaglio.ingest import lha
from intaglio.ingest.base import CannotUnpack
from intaglio.ingest.unpacking import UnpackingLimits, packing, unpacked
from tests.starters.base import debian

pytestmark = [pytest.mark.anyio, pytest.mark.real]
DATA = random.Random(3).randbytes(700_000) + bytes(300_000)
SMALL = b"a small disk " * 40


@pytest.fixture(autouse=True, scope="module")
def lhasa() -> None:
    debian(["lhasa"], "archives of lha are unpacked", provides=["/usr/bin/lhasa"])


def crc(data: bytes) -> int:
    """CRC-16/ARC."""
    found = 0
    for byte in data:
        found ^= byte
        for _ in range(8):
            found = (found >> 1) ^ 0xA001 if found & 1 else found >> 1
    return found


def literals(data: bytes) -> bytes:
    """As method lh5 packs: blocks of codes, here of eight bits each, that mean themselves."""
    bits = []
    for start in range(0, len(data), 60_000):
        block = data[start : start + 60_000]
        bits.append(f"{len(block):016b}{0:05b}{10:05b}{256:09b}{0:04b}{0:04b}")
        bits.append("".join(f"{byte:08b}" for byte in block))
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8)


def member(data: bytes, *, method: bytes = b"-lh0-", level: int = 0, name: bytes = b"../../etc/passwd") -> bytes:
    """A file in an archive, with a header of one of the levels."""
    packed = literals(data) if method == b"-lh5-" else data
    fields = method + struct.pack("<IIIBB", len(packed), len(data), 0, 0x20, level)
    if level == 0:
        body = fields + bytes([len(name)]) + name + struct.pack("<H", crc(data))
        return bytes([len(body), sum(body) & 0xFF]) + body + packed
    if level == 1:
        body = fields + b"\0" + struct.pack("<HcH", crc(data), b"U", 3 + len(name))
        extension = b"\x01" + name + b"\0\0"
        body = body.replace(fields, method + struct.pack("<IIIBB", len(packed) + len(extension), len(data), 0, 0x20, 1))
        return bytes([len(body), sum(body) & 0xFF]) + body + extension + packed
    extension = struct.pack("<H", 3 + len(name)) + b"\x01" + name + b"\0\0"
    body = fields + struct.pack("<Hc", crc(data), b"U") + extension
    return struct.pack("<H", len(body) + 2) + body + packed


def archive(*members: bytes) -> bytes:
    return b"".join(members) + b"\0"


async def plain(packed: bytes, limits: UnpackingLimits = UnpackingLimits(), step: int = 100_000) -> bytes:  # noqa: B008 - a value
    async def pieces() -> AsyncGenerator[bytes, None]:
        for start in range(0, len(packed), step):
            yield packed[start : start + step]

    return b"".join([piece async for piece in unpacked(pieces(), limits)])


@pytest.mark.parametrize("method", [b"-lh0-", b"-lh5-"], ids=["stored", "packed"])
@pytest.mark.parametrize("level", [0, 1, 2])
async def test_one_file(method: bytes, level: int) -> None:
    packed = archive(member(SMALL, method=method, level=level))
    assert packing(packed) == "lha"
    assert await plain(packed) == SMALL
    assert await plain(packed, step=7) == SMALL


async def test_a_large_one_with_names_that_lead_elsewhere(tmp_path: Path) -> None:
    for name in (b"../../etc/passwd", b"/etc/passwd", str(tmp_path / "x").encode(), b"a\xffb" * 30):
        assert await plain(archive(member(DATA, name=name))) == DATA
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("packed", "said"),
    [
        (archive(member(SMALL), member(SMALL)), "more than one file"),
        (archive(member(SMALL), member(SMALL, level=2)), "more than one file"),
        (archive(member(b"", method=b"-lhd-")), "a directory"),
        (member(SMALL)[:200], "end in the middle"),
        (member(DATA)[:500_000], "end in the middle"),
        (archive(member(SMALL)).replace(b"small", b"smell", 1), "damaged"),
        (archive(member(SMALL)).replace(b"-lh0-", b"-lh9-", 1), "damaged"),
        (archive(member(SMALL)).replace(b"-lh0-", b"-lh5-", 1), "damaged"),
        (b"xx-lh5-" + b"\1" * 13 + b"\x09" + bytes(600), "no header of this kind"),
        (b"xx-lh5-" + b"\xff" * 13 + b"\x00" + bytes(600), "damaged|end in the middle"),
        (b"xx-lh5-" + bytes(600), "an empty file"),
    ],
    ids=["two", "two-levels", "directory", "cut", "cut-late", "byte", "method", "other", "level", "claims", "zeros"],
)
async def test_refused(packed: bytes, said: str) -> None:
    with pytest.raises(CannotUnpack, match=said):
        await plain(packed)


async def test_one_that_unpacks_to_too_much() -> None:
    with pytest.raises(CannotUnpack, match="times their size"):
        await plain(archive(member(DATA)), UnpackingLimits(ratio=0, free=1000))


async def test_without_the_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lha, "PROGRAM", "no-such-lha")
    with pytest.raises(CannotUnpack, match="has no no-such-lha, which unpacking lha needs"):
        await plain(archive(member(SMALL)))
