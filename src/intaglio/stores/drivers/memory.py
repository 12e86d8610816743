"""A store in memory: the reference of the contract, for tests. Nothing survives the process."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from pathlib import Path

from intaglio.stores.base import (
    Abilities,
    Chunk,
    Exists,
    Full,
    NotFound,
    OutOfRange,
    Stat,
    Unsupported,
    checked_key,
)

_PIECE = 1024 * 1024


class MemoryStore:
    """See `intaglio.stores.base.Store`. `capacity` bytes are the most it holds, finished and unfinished together."""

    def __init__(self, store: str, capacity: int | None = None) -> None:
        self.abilities = Abilities()
        self._id = store
        self._capacity = capacity
        self._objects: dict[str, bytes] = {}
        self._used = 0

    async def prepare(self) -> None:
        """There is nothing to make."""

    async def put(self, key: str, chunks: AsyncIterator[Chunk], size_hint: int | None = None) -> Stat:
        """Collect the chunks, then keep them all at once."""
        self._refuse_taken(checked_key(key))
        data = bytearray()
        try:
            async for chunk in chunks:
                for buffer in chunk:
                    view = memoryview(buffer)
                    self._take(view.nbytes)
                    data += view
            self._refuse_taken(key)
        except BaseException:
            self._used -= len(data)
            raise
        self._objects[key] = bytes(data)
        return Stat(key=key, size=len(data))

    async def open(self, key: str, offset: int = 0, length: int | None = None) -> AsyncGenerator[bytes, None]:
        """Slices of the object."""
        data = self._get(key)
        end = len(data) if length is None else offset + length
        if not 0 <= offset <= end <= len(data):
            raise OutOfRange(f"bytes {offset} to {end} do not lie in object {key} of {len(data)} bytes")
        for begin in range(offset, end, _PIECE):
            yield data[begin : min(end, begin + _PIECE)]

    async def stat(self, key: str) -> Stat:
        """The object's size."""
        return Stat(key=key, size=len(self._get(key)))

    async def delete(self, key: str) -> None:
        """Forget the object; readers keep what they read."""
        self._used -= len(self._get(key))
        del self._objects[key]

    async def list(self, prefix: str = "") -> AsyncGenerator[Stat, None]:
        """All objects there are when it begins."""
        for key, data in list(self._objects.items()):
            if key.startswith(prefix):
                yield Stat(key=key, size=len(data))

    async def sweep(self) -> int:
        """Nothing outlives its writer here."""
        return 0

    def uri(self, key: str) -> str:
        """`memory://<store>/<key>`."""
        return f"memory://{self._id}/{key}"

    def metadata(self, key: str) -> Mapping[str, str]:
        """Nothing."""
        return {}

    def adopt(self, uri: str) -> str:
        """The key of a URI of this store."""
        key = uri.removeprefix(f"memory://{self._id}/")
        if key == uri or "/" in key:
            raise NotFound(f"the location is not of store {self._id!r}")
        return checked_key(key)

    async def path(self, key: str) -> Path:
        """Memory has no files."""
        raise Unsupported(f"store {self._id!r} (type memory) has no files, so none for {key}")

    async def direct_url(self, key: str, ttl: int) -> str:
        """Memory has no URLs."""
        raise Unsupported(f"store {self._id!r} (type memory) has no direct URLs, so none for {key}")

    async def check(self) -> None:
        """It is always healthy, unless full."""
        self._take(0)

    async def close(self) -> None:
        """Forget everything."""
        self._objects.clear()

    def _refuse_taken(self, key: str) -> None:
        if key in self._objects:
            raise Exists(f"store {self._id!r} has an object {key} already; delete it first or use another key")

    def _get(self, key: str) -> bytes:
        try:
            return self._objects[checked_key(key)]
        except KeyError:
            raise NotFound(f"store {self._id!r} has no object {key}") from None

    def _take(self, size: int) -> None:
        if self._capacity is not None and self._used + size > self._capacity:
            raise Full(f"store {self._id!r} holds at most {self._capacity} bytes")
        self._used += size
