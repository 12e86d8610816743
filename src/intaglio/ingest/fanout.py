"""Several stores as one: a stream that is read once is written to all of them side by side."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping

from intaglio.stores.base import Chunk, NotFound, Stat, Store, StoreError

_log = logging.getLogger(__name__)


class Fanout:
    """Puts one stream into several stores; the slowest sets the pace, for a buffer is lent only until it was written.

    With `all_or_none` the first store that fails ends it for all. Without, the others go on, and `failures` says which
    did not succeed; when none does, the last failure is raised. Whatever is raised, no store holds anything then.
    """

    def __init__(self, stores: Mapping[str, Store], *, all_or_none: bool) -> None:
        self.failures: dict[str, StoreError] = {}
        self._stores = stores
        self._all_or_none = all_or_none

    async def put(self, key: str, chunks: AsyncIterator[Chunk], size_hint: int | None = None) -> Stat:
        """Write a new object to each store, like `Store.put`."""
        readers = {name: _Reader() for name in self._stores}
        writing = {
            name: asyncio.create_task(self._write(name, key, reader, size_hint)) for name, reader in readers.items()
        }
        try:
            await self._pump(chunks, readers)
            stats = await asyncio.gather(*writing.values())
            self._require_enough()
        except BaseException:
            for task in writing.values():
                task.cancel()
            await asyncio.gather(*writing.values(), return_exceptions=True)
            await asyncio.shield(self._take_back(key, writing))
            raise
        return next(stat for stat in stats if stat is not None)

    async def _write(self, name: str, key: str, reader: "_Reader", size_hint: int | None) -> Stat | None:
        try:
            return await self._stores[name].put(key, reader, size_hint)
        except StoreError as error:
            self.failures[name] = error
            _log.warning("store %s: object %s could not be written: %s", name, key, error)
            return None
        finally:
            reader.leave()

    async def _pump(self, chunks: AsyncIterator[Chunk], readers: Mapping[str, "_Reader"]) -> None:
        async for chunk in chunks:
            for reader in readers.values():
                await reader.give(chunk)
            for reader in readers.values():  # when all ask for more, nobody uses the buffers any longer
                await reader.wanting()
            self._require_enough()
        for reader in readers.values():
            await reader.give(None)

    def _require_enough(self) -> None:
        if self.failures and (self._all_or_none or len(self.failures) == len(self._stores)):
            raise next(reversed(self.failures.values()))

    async def _take_back(self, key: str, writing: Mapping[str, "asyncio.Task[Stat | None]"]) -> None:
        for name, task in writing.items():
            if task.cancelled() or task.exception() is not None or task.result() is None:
                continue
            try:
                await self._stores[name].delete(key)
            except NotFound:
                continue
            except StoreError as error:
                _log.warning("store %s: object %s could not be taken back yet: %s", name, key, error)


class _Reader:
    """What one store reads: the chunks as they are given, until None."""

    def __init__(self) -> None:
        self._wants = asyncio.Event()
        self._gone = False
        self._next: asyncio.Future[Chunk | None] | None = None

    def __aiter__(self) -> AsyncIterator[Chunk]:
        return self

    async def __anext__(self) -> Chunk:
        self._next = asyncio.get_running_loop().create_future()
        self._wants.set()
        chunk = await self._next
        if chunk is None:
            raise StopAsyncIteration
        return chunk

    async def wanting(self) -> None:
        """Wait until the store asks for the next chunk, or has ended."""
        await self._wants.wait()

    async def give(self, chunk: Chunk | None) -> None:
        await self.wanting()
        if not self._gone and self._next is not None and not self._next.done():
            self._wants.clear()
            self._next.set_result(chunk)

    def leave(self) -> None:
        self._gone = True
        self._wants.set()
