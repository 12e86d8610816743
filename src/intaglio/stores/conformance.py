"""The contract of `intaglio.stores.base` as a suite: a driver's test module subclasses it and says how to make a store.

It needs pytest, anyio's pytest plugin and hypothesis, which the service itself does not.
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, suppress
from itertools import count
from pathlib import Path

import anyio
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from intaglio.stores.base import Chunk, Exists, InvalidKey, NotFound, OutOfRange, Stat, Store, Unsupported
from intaglio.stores.conformance_model import model
from intaglio.stores.conformance_sources import PIECE, Died, asking, dying, mixed, noise, pieces, recycling, stopping

EDGES = (0, 1, 2, 4095, 4096, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 16, 3 * PIECE + 17)
"""Where ranges are cut: around pieces, blocks, and both ends of an object of `SIZE` bytes."""
SIZE = 3 * PIECE + 17
BAD_KEYS = (
    "",
    ".",
    "..",
    ".hidden",
    "a/b",
    "../a",
    "/etc/passwd",
    "a\0b",
    "a b",
    "a\n",
    "é",
    "a?b",
    "a%2Fb",
    "a" * 256,
)


class StoreConformance:
    """Override `make`; override `leftovers` where a driver can leave more behind than keys.

    Every test deletes what it put; afterwards the suite fails if the store holds a key, or if the process has more
    open files or threads than before.
    """

    pytestmark = pytest.mark.anyio
    size = SIZE
    """Bytes of the objects that should be written in several steps; more for a driver that takes large ones."""
    most_connections = 0
    """Connections that a store may keep open for its next call; `close` ends them."""
    most_threads = 16
    """The most threads one store may have, however much is asked of it."""
    examples = 25
    """Sequences of calls the model is tried with."""
    keys_in_locations = True
    """Whether locations have keys in them; a back end that names objects itself has its own names there."""
    steps = 20
    """Calls in one of them."""
    rounds = 20
    """How often two writers race; fewer where each object takes seconds, as of what follows."""
    many = 60
    """Objects written and read at once."""
    listed = 10
    """Objects listed of each of three prefixes."""
    edges: Sequence[int] = EDGES
    """Where ranges are cut."""
    moments: Sequence[int] = (*range(30), *range(30, 200, 10))
    """After how many turns of the event loop a writer is cancelled."""

    def make(self, workspace: Path) -> Store:
        """A new store that keeps its objects under `workspace`, an empty directory of this test, if it needs one."""
        raise NotImplementedError

    def leftovers(self, workspace: Path) -> list[str]:  # noqa: ARG002 - for those who override it
        """Names of anything unfinished that is still there."""
        return []

    @pytest.fixture
    def workspace(self, tmp_path: Path) -> Path:
        """An empty directory of this test; override it to have it elsewhere."""
        directory = tmp_path / "store"
        directory.mkdir()
        return directory

    @pytest.fixture
    async def store(self, workspace: Path) -> AsyncIterator[Store]:
        """A store that must be empty again at the end."""
        files, threads = _open_files(), set(threading.enumerate())
        store = self.make(workspace)
        await store.prepare()
        yield store
        keys = await _keys(store)
        swept = await store.sweep() if store.abilities.write else 0
        await store.close()
        assert not keys, "objects are left"
        assert not swept, "something unfinished was left, and no writer had died"
        assert not self.leftovers(workspace)
        await _until(lambda: not set(threading.enumerate()) - threads, "threads are left")
        await _until(lambda: not _more_open(files), "open files are left")

    @pytest.fixture
    def writable(self, store: Store) -> Store:
        """The store, where it can write."""
        need(store, "write")
        return store

    # What is put comes back

    @pytest.mark.parametrize("size", [0, 1, 4096, PIECE - 1, PIECE, PIECE + 1, SIZE])
    async def test_what_is_put_comes_back(self, writable: Store, size: int) -> None:
        data = noise(size)
        assert await writable.put("key", pieces(data)) == Stat(key="key", size=size)
        assert await writable.stat("key") == Stat(key="key", size=size)
        assert await content(writable, "key") == data
        await writable.delete("key")

    @pytest.mark.parametrize(
        ("size", "chunk"), [(5000, 1), (PIECE + 5, 997), (9 * PIECE + 1, 10 * PIECE), (SIZE, 65536)]
    )
    async def test_chunks_of_any_size(self, writable: Store, size: int, chunk: int) -> None:
        await _round_trip(writable, noise(size), pieces(noise(size), chunk))

    async def test_chunks_of_every_shape(self, writable: Store) -> None:
        await _round_trip(writable, noise(700_000), mixed(noise(700_000)))

    @pytest.mark.parametrize("chunk", [10, 1000, 300_000, PIECE])
    async def test_buffers_are_the_producers_again(self, writable: Store, chunk: int) -> None:
        size = min(chunk * 300, self.size)
        await _round_trip(writable, noise(size), recycling(noise(size), chunk))

    @pytest.mark.parametrize("run", [1, 4096, 65536, 200_000, PIECE])
    async def test_runs_of_zeros_come_back(self, writable: Store, run: int) -> None:
        data = b"".join((noise(777), bytes(run), noise(70_000), bytes(3 * run), b"x", bytes(run)))
        await _round_trip(writable, data, pieces(data, 100_001))

    @pytest.mark.parametrize("hint", [None, 0, 1, SIZE - 1, SIZE, SIZE + 1, 2 * SIZE])
    async def test_the_announced_size_may_be_a_lie(self, writable: Store, hint: int | None) -> None:
        stat = await writable.put("key", pieces(noise(self.size)), size_hint=hint)
        assert stat.size == self.size
        assert await content(writable, "key") == noise(self.size)
        await writable.delete("key")

    # All or nothing

    @pytest.mark.parametrize("size", [0, 1, PIECE, SIZE])
    async def test_a_source_that_dies_leaves_nothing(self, writable: Store, size: int) -> None:
        with pytest.raises(Died):
            await writable.put("key", dying(noise(size)))
        await _absent(writable, "key")
        await _round_trip(writable, noise(size), pieces(noise(size)))

    async def test_nothing_is_visible_before_the_source_ends(self, writable: Store) -> None:
        async def invisible() -> None:
            await _absent(writable, "key")

        await _round_trip(writable, noise(self.size), asking(noise(self.size), PIECE, invisible))

    @pytest.mark.parametrize("scope", [False, True])
    async def test_a_cancelled_writer_leaves_nothing(self, writable: Store, scope: bool) -> None:  # noqa: FBT001 - pytest passes it by name
        reached = asyncio.Event()
        source = stopping(noise(self.size), reached, asyncio.Event())
        if scope:
            async with anyio.create_task_group() as group:
                group.start_soon(writable.put, "key", source)
                await reached.wait()
                group.cancel_scope.cancel()
        else:
            await _cancelled(asyncio.create_task(writable.put("key", source)), reached)
        await source.aclose()
        await _absent(writable, "key")

    async def test_cancelled_at_any_moment_all_or_nothing(self, writable: Store) -> None:
        for turns in self.moments:
            task = asyncio.create_task(writable.put("key", pieces(noise(20_000), 300 * (1 + turns % 3))))
            for turn in range(turns):
                await asyncio.sleep(0 if turn % 4 else 0.0001)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            if task.cancelled():
                await _absent(writable, "key")
            else:
                assert await content(writable, "key") == noise(20_000)
                await writable.delete("key")

    async def test_an_object_that_is_there_stays_untouched(self, writable: Store) -> None:
        await writable.put("key", pieces(noise(1000)))
        for data in (b"", noise(5, seed=2), noise(self.size, seed=3)):
            source = pieces(data)
            with pytest.raises(Exists):
                await writable.put("key", source)
            await source.aclose()
            assert await content(writable, "key") == noise(1000)
        await writable.delete("key")

    async def test_an_object_that_appears_meanwhile_stays_untouched(self, writable: Store) -> None:
        reached, go_on = asyncio.Event(), asyncio.Event()
        late = asyncio.create_task(writable.put("key", stopping(noise(self.size), reached, go_on)))
        await reached.wait()
        await writable.put("key", pieces(b"first"))
        go_on.set()
        with pytest.raises(Exists):
            await late
        assert await content(writable, "key") == b"first"
        await writable.delete("key")

    async def test_of_two_writers_one_wins(self, writable: Store) -> None:
        for seed in range(self.rounds):
            go_on = asyncio.Event()
            writers, reached = [], []
            for n in range(2):
                reached.append(asyncio.Event())
                source = stopping(noise(5000, seed=2 * seed + n), reached[-1], go_on)
                writers.append(asyncio.create_task(writable.put("key", source)))
            for event in reached:
                await event.wait()
            go_on.set()
            results = await asyncio.gather(*writers, return_exceptions=True)
            assert {type(result) for result in results} == {Stat, Exists}
            winner = next(n for n in range(2) if isinstance(results[n], Stat))
            assert await content(writable, "key") == noise(5000, seed=2 * seed + winner)
            await writable.delete("key")

    async def test_a_key_can_be_used_again(self, writable: Store) -> None:
        for seed in range(3):
            await _round_trip(writable, noise(100_000, seed), pieces(noise(100_000, seed)))

    # Reading

    async def test_pieces_are_at_most_a_mebibyte(self, writable: Store) -> None:
        await writable.put("key", pieces(noise(self.size)))
        found = [piece async for piece in writable.open("key")]
        assert {type(piece) for piece in found} == {bytes}
        assert all(0 < len(piece) <= PIECE for piece in found)
        await writable.delete("key")

    async def test_ranges_at_every_edge(self, writable: Store) -> None:
        need(writable, "ranges")
        data = noise(self.size)
        await writable.put("key", pieces(data))
        for offset in self.edges:
            assert await content(writable, "key", offset) == data[offset:]
            for end in self.edges:
                if end >= offset:
                    assert await content(writable, "key", offset, end - offset) == data[offset:end]
        await writable.delete("key")

    @pytest.mark.parametrize(
        ("offset", "length"),
        [(0, 101), (100, 1), (101, None), (101, 0), (50, 51), (-1, None), (-1, 1), (5, -1), (0, 10**18), (10**18, 1)],
    )
    async def test_no_byte_of_a_range_outside(self, writable: Store, offset: int, length: int | None) -> None:
        need(writable, "ranges")
        await writable.put("key", pieces(noise(100)))
        async with aclosing(writable.open("key", offset, length)) as reader:
            with pytest.raises(OutOfRange):
                await anext(reader)
        await writable.delete("key")

    async def test_an_empty_object_has_an_empty_range(self, writable: Store) -> None:
        await writable.put("key", pieces(b""))
        assert await content(writable, "key") == b""
        assert await content(writable, "key", 0, 0) == b""
        await writable.delete("key")

    async def test_a_reader_may_leave_at_any_piece(self, writable: Store) -> None:
        await writable.put("key", pieces(noise(self.size)))
        before = _open_files()
        for pieces_read in [0, 1, 2, 3, 4] * 5:
            async with aclosing(writable.open("key")) as reader:
                for _ in range(pieces_read):
                    await anext(reader)
        assert _more_open(before) <= self.most_connections
        await writable.delete("key")

    async def test_a_reader_may_be_cancelled_at_any_moment(self, writable: Store) -> None:
        await writable.put("key", pieces(noise(self.size)))
        before = _open_files()
        for turns in range(30):
            task = asyncio.create_task(content(writable, "key"))
            for turn in range(turns):
                await asyncio.sleep(0 if turn % 3 else 0.0001)
            task.cancel()
            with suppress(asyncio.CancelledError):
                assert await task == noise(self.size)
        assert _more_open(before) <= self.most_connections
        await writable.delete("key")

    async def test_a_reader_outlives_the_object_or_learns_of_it(self, writable: Store) -> None:
        data = noise(8 * PIECE)
        await writable.put("key", pieces(data))
        async with aclosing(writable.open("key")) as reader:
            read = await anext(reader)
            await writable.delete("key")
            await _absent(writable, "key")
            await writable.put("key", pieces(noise(8 * PIECE, seed=2)))
            with suppress(NotFound):
                async for piece in reader:
                    read += piece
                assert len(read) == len(data)
        assert read == data[: len(read)]
        await writable.delete("key")

    # Finding

    async def test_what_is_absent_is_not_found(self, store: Store) -> None:
        await _absent(store, "absent")

    @pytest.mark.parametrize("key", BAD_KEYS)
    async def test_keys_are_checked(self, store: Store, key: str) -> None:
        for call in (store.stat, store.delete, store.path, lambda key: content(store, key)):
            with pytest.raises((InvalidKey, Unsupported)):
                await call(key)
        if store.abilities.write:
            source = pieces(b"data")
            with pytest.raises(InvalidKey):
                await store.put(key, source)
            await source.aclose()

    @pytest.mark.parametrize("key", ["0", "_", "a" * 255, "d9e2f8a4-4b7e-4e31-8f4c-6d8c7c1f2a3b.qcow2", "x..y-"])
    async def test_keys_of_every_form(self, writable: Store, key: str) -> None:
        await writable.put(key, pieces(b"data"))
        assert await _keys(writable) == [key]
        assert await content(writable, key) == b"data"
        assert writable.adopt(writable.uri(key)) == key
        await writable.delete(key)

    async def test_lists_by_prefix(self, writable: Store) -> None:
        sizes = {f"{prefix}{n}": n for prefix in ("a", "ab", "b") for n in range(self.listed)}
        for key, size in sizes.items():
            await writable.put(key, pieces(noise(size)))
        for prefix in ("", "a", "ab", "ab1", "c"):
            found = {stat.key: stat.size async for stat in writable.list(prefix)}
            assert found == {key: size for key, size in sizes.items() if key.startswith(prefix)}
        async with aclosing(writable.list()) as listing:
            await anext(listing)
        for key in sizes:
            await writable.delete(key)

    async def test_locations_lead_back(self, writable: Store) -> None:
        await writable.put("key", pieces(b"data"))
        uri = writable.uri("key")
        assert "key" in uri or not self.keys_in_locations
        assert writable.adopt(uri) == "key"
        assert all(isinstance(value, str) for value in writable.metadata("key").values())
        await writable.delete("key")

    @pytest.mark.parametrize("uri", ["", "key", "file:///etc/passwd", "other://user:secret@host/key", "file://", "x:"])
    async def test_foreign_locations_are_refused(self, store: Store, uri: str) -> None:
        with pytest.raises(NotFound) as refused:
            store.adopt(uri)
        assert "secret" not in str(refused.value)

    async def test_a_sweep_spares_the_living(self, writable: Store) -> None:
        reached, go_on = asyncio.Event(), asyncio.Event()
        writer = asyncio.create_task(writable.put("key", stopping(noise(self.size), reached, go_on)))
        await reached.wait()
        assert await writable.sweep() == 0
        go_on.set()
        await writer
        assert await writable.sweep() == 0
        assert await content(writable, "key") == noise(self.size)
        await writable.delete("key")

    # The rest

    async def test_a_healthy_store_says_so(self, store: Store) -> None:
        await store.prepare()
        begun = time.monotonic()
        await store.check()
        assert time.monotonic() - begun < 5

    async def test_paths(self, writable: Store) -> None:
        await writable.put("key", pieces(noise(self.size)))
        try:
            need(writable, "local_path")
            assert (await writable.path("key")).read_bytes() == noise(self.size)
        finally:
            await writable.delete("key")

    async def test_lacking_abilities_are_refused_clearly(self, store: Store) -> None:
        for ability, call in (("local_path", store.path("key")), ("direct_url", store.direct_url("key", 60))):
            with pytest.raises(NotFound if getattr(store.abilities, ability) else Unsupported):
                await call

    async def test_many_at_once_need_few_threads(self, writable: Store) -> None:
        before = threading.active_count()

        async def one(key: str) -> None:
            data = noise(300_000, seed=hash(key) % 1000)
            await writable.put(key, pieces(data, 65536))
            assert await content(writable, key) == data
            await writable.delete(key)

        await asyncio.gather(*(one(f"key{n}") for n in range(self.many)))
        assert threading.active_count() - before <= self.most_threads

    def test_like_a_dictionary(self, workspace: Path) -> None:
        number = count()

        def fresh() -> Store:
            directory = workspace / str(next(number))
            directory.mkdir()
            return self.make(directory)

        run_state_machine_as_test(
            model(fresh),
            settings=settings(
                max_examples=self.examples,
                stateful_step_count=self.steps,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )


def need(store: Store, ability: str) -> None:
    """Skip the test, naming the ability, when the store lacks it."""
    if not getattr(store.abilities, ability):
        pytest.skip(f"the store lacks the ability {ability!r}")


async def content(store: Store, key: str, offset: int = 0, length: int | None = None) -> bytes:
    """The object's bytes, read whole."""
    async with aclosing(store.open(key, offset, length)) as reader:
        return b"".join([piece async for piece in reader])


async def _round_trip(store: Store, data: bytes, source: AsyncGenerator[Chunk, None]) -> None:
    assert (await store.put("key", source)).size == len(data)
    assert await content(store, "key") == data
    await store.delete("key")


async def _absent(store: Store, key: str) -> None:
    for ask in (store.stat, lambda key: content(store, key), store.delete):
        with pytest.raises(NotFound):
            await ask(key)
    assert key not in await _keys(store)


async def _cancelled(task: asyncio.Task[Stat], when: asyncio.Event) -> None:
    await when.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def _keys(store: Store) -> list[str]:
    return [stat.key async for stat in store.list()]


async def _until(true: Callable[[], bool], otherwise: str, seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, otherwise
        await asyncio.sleep(0.005)


def _more_open(before: Counter[str]) -> int:
    return (_open_files() - before).total()


def _open_files() -> Counter[str]:
    found: Counter[str] = Counter()
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found[str(link.readlink()).partition(":[")[0]] += 1  # a socket is like any other
    return Counter({target: number for target, number in found.items() if not target.startswith(("/proc/", "pipe"))})
