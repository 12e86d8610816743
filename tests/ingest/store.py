"""A directory as a store, as small as the contract's `put` allows, with faults on order."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

from intaglio.stores.base import Chunk, Exists, Stat, Store


class FolderStore:
    """Writes privately, makes visible at the end. `broken_at` is the number of bytes after which it raises `fault`."""

    def __init__(self, folder: Path, broken_at: int | None = None, fault: Exception | None = None) -> None:
        self.folder = folder
        self.broken_at = broken_at
        self.fault = fault or OSError("no fault was ordered")
        self.chunks = 0
        self.written = 0
        self.size_hint: int | None = None

    async def put(self, key: str, chunks: AsyncIterator[Chunk], size_hint: int | None = None) -> Stat:
        target, private = self.folder / key, self.folder / f".{key}"
        self.size_hint = size_hint
        if target.exists():
            raise Exists(key)
        run = asyncio.get_running_loop().run_in_executor
        descriptor = await run(None, os.open, private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        writing: asyncio.Future[int] | None = None
        try:
            async for chunk in chunks:
                self.chunks += 1
                writing = run(None, _write, descriptor, chunk)
                self.written += await asyncio.shield(writing)
                if self.broken_at is not None and self.written >= self.broken_at:
                    raise self.fault
            await run(None, os.rename, private, target)
        finally:
            if writing is not None:
                await asyncio.wait([writing])
            os.close(descriptor)
            private.unlink(missing_ok=True)
        return Stat(key, self.written)

    @property
    def leftovers(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


def _write(descriptor: int, chunk: Chunk) -> int:
    left = [memoryview(buffer) for buffer in chunk]
    total = 0
    while left:
        count = os.writev(descriptor, left)
        total += count
        while left and count >= len(left[0]):
            count -= len(left.pop(0))
        if count:
            left[0] = left[0][count:]
    return total


def as_store(store: FolderStore) -> Store:
    """The rest of the contract is not used by the door."""
    return cast("Store", store)
