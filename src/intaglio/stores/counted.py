"""Counts what a store does: operations, bytes, errors. The store itself knows nothing of it."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from pathlib import Path

from intaglio.base.metrics import Counts, Family, product
from intaglio.stores.base import Broken, Busy, Chunk, Denied, Full, Stat, Store, StoreError, Unmounted

OPERATIONS, BYTES, ERRORS = (
    "intaglio_store_operations_total",
    "intaglio_store_bytes_total",
    "intaglio_store_errors_total",
)
_DONE = ("put", "read", "delete", "list")
IN, OUT = "in", "out"
_TROUBLES: Mapping[type[StoreError], str] = {
    Full: "full",
    Denied: "denied",
    Busy: "busy",
    Unmounted: "unmounted",
    Broken: "broken",
}


def families(stores: Iterable[str]) -> tuple[Family, ...]:
    """What is counted of these stores."""
    ids = tuple(stores)
    return (
        Family(OPERATIONS, "Operations begun, by store.", ("store", "operation"), product(ids, _DONE)),
        Family(
            BYTES, "Bytes written to (in) and read from (out) a store.", ("store", "direction"), product(ids, (IN, OUT))
        ),
        Family(
            ERRORS,
            "Operations that failed by the store's fault.",
            ("store", "error"),
            product(ids, tuple(_TROUBLES.values())),
        ),
    )


def count_sent(counts: Counts, store_id: str, size: int) -> None:
    """Count an object that was read as a file, past its store."""
    if counts.has(BYTES):
        counts.add(counts.place(OPERATIONS, store_id, "read"))
        counts.add(counts.place(BYTES, store_id, OUT), size)


class Counted:
    """A store, counted. See `intaglio.stores.base.Store`."""

    def __init__(self, store: Store, store_id: str, counts: Counts) -> None:
        self._store = store
        self._counts = counts
        self._done = {operation: counts.place(OPERATIONS, store_id, operation) for operation in _DONE}
        self._in, self._out = counts.place(BYTES, store_id, IN), counts.place(BYTES, store_id, OUT)
        self._failed = {kind: counts.place(ERRORS, store_id, name) for kind, name in _TROUBLES.items()}
        self.abilities = store.abilities

    async def prepare(self) -> None:
        """As the store does."""
        with self._watched():
            await self._store.prepare()

    async def put(self, key: str, chunks: AsyncIterator[Chunk], size_hint: int | None = None) -> Stat:
        """As the store does."""
        with self._watched("put"):
            stat = await self._store.put(key, chunks, size_hint)
        self._counts.add(self._in, stat.size)
        return stat

    async def open(self, key: str, offset: int = 0, length: int | None = None) -> AsyncGenerator[bytes, None]:
        """As the store does."""
        with self._watched("read"):
            async with aclosing(self._store.open(key, offset, length)) as pieces:
                async for piece in pieces:
                    self._counts.add(self._out, len(piece))
                    yield piece

    async def stat(self, key: str) -> Stat:
        """As the store does."""
        with self._watched():
            return await self._store.stat(key)

    async def delete(self, key: str) -> None:
        """As the store does."""
        with self._watched("delete"):
            await self._store.delete(key)

    async def list(self, prefix: str = "") -> AsyncGenerator[Stat, None]:
        """As the store does."""
        with self._watched("list"):
            async with aclosing(self._store.list(prefix)) as found:
                async for stat in found:
                    yield stat

    async def sweep(self) -> int:
        """As the store does."""
        with self._watched():
            return await self._store.sweep()

    def uri(self, key: str) -> str:
        """As the store does."""
        return self._store.uri(key)

    def metadata(self, key: str) -> Mapping[str, str]:
        """As the store does."""
        return self._store.metadata(key)

    def adopt(self, uri: str) -> str:
        """As the store does."""
        return self._store.adopt(uri)

    async def path(self, key: str) -> Path:
        """As the store does."""
        with self._watched():
            return await self._store.path(key)

    async def direct_url(self, key: str, ttl: int) -> str:
        """As the store does."""
        with self._watched():
            return await self._store.direct_url(key, ttl)

    async def check(self) -> None:
        """As the store does; who asks for its health is told of it, and it is no operation."""
        await self._store.check()

    async def close(self) -> None:
        """As the store does."""
        await self._store.close()

    @contextmanager
    def _watched(self, operation: str | None = None) -> Iterator[None]:
        if operation is not None:
            self._counts.add(self._done[operation])
        try:
            yield
        except StoreError as error:
            for kind, place in self._failed.items():
                if isinstance(error, kind):
                    self._counts.add(place)
                    break
            raise
