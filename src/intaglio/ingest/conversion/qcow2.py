"""The disk in a qcow2 image as a stream, read straight from where the image is: no tool, and nothing put down."""

import asyncio
import bisect
import importlib
import zlib
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Any

from intaglio.formats.qcow2 import HEADER, Compression, Extent, Kind, Layout, extents, layout, tables
from intaglio.ingest.conversion.base import CannotConvert, ConversionFailed, Source
from intaglio.ingest.conversion.pipe import PIECE
from intaglio.stores.base import holes

_AT_ONCE = 4 * PIECE
"""Bytes of the disk that are read and inflated together, while those before are on their way."""
_MOST_EXTENTS = 4096  # that are read together, however small they are
_GAP = 64 << 10  # bytes between two stretches of the file below which they are read as one
_WINDOW_BITS = -12  # of deflated clusters: a window of 4 KiB, no header
_ZSTD_WINDOW = 8 << 20  # bytes

Inflate = Callable[[bytes, int], bytes]


async def readable(source: Source) -> Layout | None:
    """The image's layout, None when it is left to qemu-img."""
    return layout(await source.read(0, min(HEADER, source.size)))


async def allocated(source: Source, image: Layout) -> int:
    """Bytes of the disk that are more than zeros nobody wrote. Raises what `disk` raises of the tables."""
    async with aclosing(_extents(source, image)) as found:
        return sum([extent.length async for extent in found if extent.kind is not Kind.ZERO])


async def disk(source: Source, image: Layout) -> AsyncGenerator[bytes, None]:
    """Every byte of the disk. Raises `UnsafeContent`, `CannotConvert`, and what the source raises."""
    inflate = _inflate_zlib if image.compression is Compression.ZLIB else _zstd()
    ahead: asyncio.Task[list[bytes]] | None = None
    try:
        async with aclosing(_batches(source, image)) as batches:
            async for batch in batches:
                following = asyncio.create_task(_read(source, batch, image.cluster, inflate))
                before, ahead = ahead, following
                if before is not None:
                    for piece in await before:
                        yield piece
        if ahead is not None:
            for piece in await ahead:
                yield piece
    finally:
        if ahead is not None:
            ahead.cancel()
            await asyncio.gather(ahead, return_exceptions=True)


async def _batches(source: Source, image: Layout) -> AsyncGenerator[list[Extent], None]:
    """The disk's extents, in lists of about `_AT_ONCE` bytes; zeros count for nothing."""
    batch: list[Extent] = []
    size = 0
    async with aclosing(_extents(source, image)) as found:
        async for whole in found:
            for extent in _cut(whole):
                batch.append(extent)
                size += 0 if extent.kind is Kind.ZERO else extent.length
                if size >= _AT_ONCE or len(batch) >= _MOST_EXTENTS:
                    yield batch
                    batch, size = [], 0
    if batch:
        yield batch


async def _extents(source: Source, image: Layout) -> AsyncGenerator[Extent, None]:
    if image.l1_offset + image.l1_entries * 8 > source.size:
        raise CannotConvert("The data are qcow2 and damaged: they end before their tables.")
    first = await source.read(image.l1_offset, image.l1_entries * 8)
    for offset, length in tables(image, first, source.size):
        if not offset:
            yield Extent(Kind.ZERO, length)
            continue
        second = await source.read(offset, image.cluster)
        for extent in extents(image, second, length, source.size):
            yield extent


def _cut(extent: Extent) -> Iterator[Extent]:
    """A long stretch of data as several."""
    if extent.kind is not Kind.DATA:
        yield extent
        return
    for at in range(0, extent.length, _AT_ONCE):
        length = min(_AT_ONCE, extent.length - at)
        yield Extent(Kind.DATA, length, extent.offset + at, length)


async def _read(source: Source, batch: Sequence[Extent], cluster: int, inflate: Inflate) -> list[bytes]:
    stretches = _stretches([extent for extent in batch if extent.kind is not Kind.ZERO])
    read = [(begin, await _padded(source, begin, end)) for begin, end in stretches]
    if all(extent.kind is not Kind.PACKED for extent in batch):
        return list(_assembled(batch, read, cluster, inflate))
    return await asyncio.to_thread(lambda: list(_assembled(batch, read, cluster, inflate)))


async def _padded(source: Source, begin: int, end: int) -> bytes:
    """The bytes there; the last cluster of a file may be cut short, which stands for zeros."""
    data = await source.read(begin, min(end, source.size) - begin)
    return data + bytes(end - begin - len(data))


def _stretches(wanted: Sequence[Extent]) -> list[tuple[int, int]]:
    """What is read of the file, near neighbours in one go."""
    found: list[tuple[int, int]] = []
    for extent in sorted(wanted, key=lambda each: each.offset):
        end = extent.offset + extent.stored
        if found and extent.offset - found[-1][1] <= _GAP and end - found[-1][0] <= 2 * _AT_ONCE:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((extent.offset, end))
    return found


def _assembled(
    batch: Sequence[Extent], read: Sequence[tuple[int, bytes]], cluster: int, inflate: Inflate
) -> Iterator[bytes]:
    """The disk's bytes, in pieces of 1 MiB at most."""
    for extent in batch:
        if extent.kind is Kind.ZERO:
            yield from holes(extent.length)
            continue
        data = _stored(extent, read)
        if extent.kind is Kind.PACKED:
            yield inflate(data, cluster)[: extent.length]
        else:
            yield from (data[at : at + PIECE] for at in range(0, len(data), PIECE))


def _stored(extent: Extent, read: Sequence[tuple[int, bytes]]) -> bytes:
    """The bytes of an extent; every one lies in one stretch."""
    number = bisect.bisect_right(read, extent.offset, key=lambda each: each[0]) - 1
    begin, data = read[number]
    return data[extent.offset - begin : extent.offset - begin + extent.stored]


def _inflate_zlib(data: bytes, cluster: int) -> bytes:
    try:
        plain = zlib.decompressobj(_WINDOW_BITS).decompress(data, cluster)
    except zlib.error as error:
        raise _damaged() from error
    return _whole(plain, cluster)


def _zstd() -> Inflate:
    try:
        library: Any = importlib.import_module("zstandard")
    except ImportError:
        raise ConversionFailed("Such a qcow2 needs zstandard on the service: pip install 'intaglio[zstd]'.") from None

    def inflate(data: bytes, cluster: int) -> bytes:
        try:
            with library.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).stream_reader(data) as reader:
                return _whole(reader.read(cluster), cluster)
        except library.ZstdError as error:
            raise _damaged() from error

    return inflate


def _whole(plain: bytes, cluster: int) -> bytes:
    if len(plain) != cluster:
        raise _damaged()
    return plain


def _damaged() -> CannotConvert:
    return CannotConvert("The data are qcow2 and damaged: a compressed part of the disk cannot be unpacked.")
