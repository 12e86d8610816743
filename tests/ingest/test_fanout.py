"""One stream into several stores: all get the same bytes, and a store that fails takes the others along or not."""

from collections.abc import AsyncIterator

import pytest

from intaglio.ingest.fanout import Fanout
from intaglio.stores.base import Chunk, Full, NotFound, Stat, Store
from intaglio.stores.drivers.memory import MemoryStore

pytestmark = pytest.mark.anyio
PIECE = bytes(1000)


class Source:
    """Chunks whose one buffer is used again for each, as a producer may; and how many were read."""

    def __init__(self, pieces: int, error: Exception | None = None) -> None:
        self.pieces = pieces
        self.error = error
        self.read = 0

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        buffer = bytearray(PIECE)
        for number in range(self.pieces):
            buffer[:4] = number.to_bytes(4, "big")
            self.read += 1
            yield [buffer]
        if self.error is not None:
            raise self.error

    @property
    def content(self) -> bytes:
        return b"".join(number.to_bytes(4, "big") + PIECE[4:] for number in range(self.pieces))


async def content(store: Store) -> bytes | None:
    try:
        return b"".join([piece async for piece in store.open("key")])
    except NotFound:
        return None


def stores(**capacities: int | None) -> dict[str, Store]:
    return {name: MemoryStore(name, capacity) for name, capacity in capacities.items()}


@pytest.mark.parametrize("pieces", [0, 1, 50])
async def test_all_stores_get_the_same_bytes_of_one_reading(pieces: int) -> None:
    source, targets = Source(pieces), stores(a=None, b=None, c=None)
    stat = await Fanout(targets, all_or_none=True).put("key", aiter(source), None)
    assert stat == Stat("key", len(source.content))
    assert [await content(store) for store in targets.values()] == [source.content] * 3
    assert source.read == pieces


async def test_one_that_fails_ends_it_for_all() -> None:
    source, targets = Source(50), stores(a=None, small=5000)
    fanout = Fanout(targets, all_or_none=True)
    with pytest.raises(Full):
        await fanout.put("key", aiter(source), None)
    assert list(fanout.failures) == ["small"]
    assert [await content(store) for store in targets.values()] == [None, None]
    assert source.read < 50


async def test_one_may_fail() -> None:
    source, targets = Source(50), stores(small=5000, b=None)
    fanout = Fanout(targets, all_or_none=False)
    assert (await fanout.put("key", aiter(source), None)).size == len(source.content)
    assert list(fanout.failures) == ["small"]
    assert await content(targets["b"]) == source.content


async def test_not_all_may_fail() -> None:
    source, targets = Source(50), stores(a=5000, b=9000)
    with pytest.raises(Full):
        await Fanout(targets, all_or_none=False).put("key", aiter(source), None)
    assert source.read < 50


@pytest.mark.parametrize("all_or_none", [True, False])
async def test_a_source_that_dies_leaves_nothing(*, all_or_none: bool) -> None:
    targets = stores(a=None, b=None)
    with pytest.raises(RuntimeError, match="dead"):
        await Fanout(targets, all_or_none=all_or_none).put("key", aiter(Source(9, RuntimeError("dead"))), None)
    assert [await content(store) for store in targets.values()] == [None, None]
