"""The sources that the conformance suite feeds to a store: every one has done harm to some store somewhere."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from random import Random
from typing import Any

from intaglio.stores.base import Chunk

PIECE = 1024 * 1024


class Died(Exception):
    """What a dying source raises; a store must let it pass."""


def noise(size: int, seed: int = 1) -> bytes:
    """Bytes that do not repeat: a piece in the wrong place shows."""
    return Random(seed).randbytes(size)  # noqa: S311 - not for secrets


async def pieces(data: bytes, size: int = PIECE) -> AsyncGenerator[Chunk, None]:
    """The data in chunks of `size` bytes."""
    for begin in range(0, len(data), size):
        yield [data[begin : begin + size]]


async def dying(data: bytes, size: int = PIECE) -> AsyncGenerator[Chunk, None]:
    """All the data, and then an exception: also how a producer refuses what it has read."""
    async for chunk in pieces(data, size):
        yield chunk
    raise Died


async def recycling(data: bytes, size: int) -> AsyncGenerator[Chunk, None]:
    """The data in one buffer that is overwritten as soon as the next chunk is asked for."""
    buffer = bytearray(size)
    for begin in range(0, len(data), size):
        part = data[begin : begin + size]
        buffer[: len(part)] = part
        yield [memoryview(buffer)[: len(part)]]
        buffer[:] = b"\xee" * size


async def mixed(data: bytes) -> AsyncGenerator[Chunk, None]:
    """The data in chunks of nothing, of many tiny buffers, of empty ones, of each kind of buffer, and of the rest."""
    yield []
    yield [b"", bytearray(), memoryview(b"")]
    tiny = [data[n : n + 3] for n in range(0, 9000, 3)]
    yield tiny
    yield [b"", bytearray(data[9000:9100]), b"", memoryview(data)[9100:10000], data[10000:10001]]
    yield []
    yield [data[10001:]]
    yield [b""]


async def asking(data: bytes, size: int, ask: Callable[[], Coroutine[Any, Any, None]]) -> AsyncGenerator[Chunk, None]:
    """The data, with `ask` called before each chunk and after the last."""
    async for chunk in pieces(data, size):
        await ask()
        yield chunk
    await ask()


async def stopping(data: bytes, reached: asyncio.Event, go_on: asyncio.Event) -> AsyncGenerator[Chunk, None]:
    """The data but its last byte; then `reached` is set, and the last byte comes after `go_on`."""
    async for chunk in pieces(data[:-1]):
        yield chunk
    reached.set()
    await go_on.wait()
    yield [data[-1:]]


async def listed(chunks: Sequence[Chunk]) -> AsyncIterator[Chunk]:
    """These chunks."""
    for chunk in chunks:
        yield chunk
