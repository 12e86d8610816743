"""The table of counts that processes share: exact between them, of fixed size, and as the library counts."""

import asyncio
import multiprocessing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from intaglio.api.rate_counts import SLOTS, SharedStorage, item

pytestmark = pytest.mark.anyio


def hits(file: Path, number: int) -> int:
    """How many of `number` calls are allowed, in this process."""

    async def main() -> int:
        storage = SharedStorage(file)
        counts = SlidingWindowCounterRateLimiter(storage)
        allowed = [await counts.hit(item(1000, 86400), "one") for _ in range(number)]
        storage.close()
        return sum(allowed)

    return asyncio.run(main())


def test_processes_count_together(tmp_path: Path) -> None:
    file = tmp_path / "rates"
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert sum(pool.starmap(hits, [(file, 500)] * 4)) == 1000


async def test_memory_is_bounded_and_the_busy_are_not_forgotten(tmp_path: Path) -> None:
    storage = SharedStorage(tmp_path / "rates")
    counts = SlidingWindowCounterRateLimiter(storage)
    size = (tmp_path / "rates").stat().st_size
    for number in range(SLOTS + 1000):  # each for a short time: what is kept for longer stays
        await counts.hit(item(5, 60), f"caller-{number}")
        if number == 100:
            for _ in range(3):
                assert await counts.hit(item(3, 86400), "the busy one")
    assert (tmp_path / "rates").stat().st_size == size < 4 << 20
    assert not await counts.hit(item(3, 86400), "the busy one")
    storage.close()


async def test_a_file_of_something_else_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "rates").write_bytes(b"something else")
    storage = SharedStorage(tmp_path / "rates")
    assert await SlidingWindowCounterRateLimiter(storage).hit(item(1, 86400), "x")
    storage.close()
    again = SharedStorage(tmp_path / "rates")  # opened by the next process, it is left as it is
    assert not await SlidingWindowCounterRateLimiter(again).hit(item(1, 86400), "x")
    again.close()


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.tuples(st.integers(0, 2), st.floats(0, 25)), min_size=1, max_size=40),
    limit=st.integers(1, 6),
)
async def test_it_counts_as_the_library_does(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, float]], limit: int
) -> None:
    """The library's own storage in memory is the model; the clock of both is moved."""
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.time", clock)
        model = SlidingWindowCounterRateLimiter(MemoryStorage())
        storage = SharedStorage(tmp_path_factory.mktemp("counts") / "rates")
        ours = SlidingWindowCounterRateLimiter(storage)
        for caller, pause in steps:
            clock.now += pause
            rule = item(limit, 10)
            assert await ours.hit(rule, str(caller)) == await model.hit(rule, str(caller))
            assert await ours.get_window_stats(rule, str(caller)) == await model.get_window_stats(rule, str(caller))
        storage.close()


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


async def test_the_other_half_of_the_library(tmp_path: Path) -> None:
    """Windows that do not slide, clearing and resetting, as `limits` wants them of a storage."""
    storage = SharedStorage(tmp_path / "rates")
    assert [await storage.incr("k", 86400) for _ in range(3)] == [1, 2, 3]
    assert await storage.get("k") == 3
    assert await storage.get("other") == 0
    assert await storage.get_expiry("k") > 0
    await storage.clear("k")
    assert await storage.get("k") == 0
    counts = SlidingWindowCounterRateLimiter(storage)
    assert await counts.hit(item(1, 86400), "a")
    await counts.clear(item(1, 86400), "a")
    assert await counts.hit(item(1, 86400), "a")
    await storage.reset()
    assert await counts.hit(item(1, 86400), "a")
    assert await storage.check()
    storage.close()
