"""Holes of a sparse source stay holes in files; zeros that are data are written, unless objects are to be thin."""

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from intaglio.stores.base import Chunk, holes, is_hole
from intaglio.stores.drivers.file import FileStore

pytestmark = pytest.mark.anyio
MIB = 1 << 20


def test_only_what_was_given_as_a_hole_is_one() -> None:
    pieces = list(holes(3 * MIB + 12_345))
    assert b"".join(pieces) == bytes(3 * MIB + 12_345)
    assert [is_hole(piece) for piece in pieces] == [True] * (len(pieces) - 1) + [False]
    assert not is_hole(bytes(MIB))
    assert not is_hole(bytearray(4096))
    assert list(holes(0)) == []


async def test_a_file_keeps_them(tmp_path: Path) -> None:
    store = FileStore("files", {"filesystem_store_datadir": str(tmp_path)})
    await store.prepare()
    noise = random.Random(9).randbytes(MIB)

    async def chunks() -> AsyncIterator[Chunk]:
        yield [noise, *holes(8 * MIB), noise]
        yield [*holes(4 * MIB)]
        yield [bytes(MIB)]  # zeros that somebody wrote
        yield [noise, *holes(2 * MIB)]

    await store.put("key", chunks())
    wanted = noise + bytes(8 * MIB) + noise + bytes(5 * MIB) + noise + bytes(2 * MIB)
    facts = (tmp_path / "key").stat()
    assert b"".join([piece async for piece in store.open("key")]) == wanted
    assert facts.st_size == len(wanted)
    assert 4 * MIB <= facts.st_blocks * 512 < 5 * MIB
    assert (await store.space()).most > 0
    await store.close()
