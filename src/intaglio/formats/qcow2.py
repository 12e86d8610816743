"""Where the clusters of a qcow2 image are: its header and tables, read as the format's specification says.

Pure: it is handed bytes and says which bytes are needed. Facts: docs/interop/qcow2.txt of the QEMU project.
"""

import struct
from collections.abc import Iterator
from enum import Enum

import msgspec

from intaglio.formats.base import UnsafeContent

HEADER = 112
"""Bytes at the beginning that say everything about the rest."""

_MAGIC = b"QFI\xfb"
_FIXED = struct.Struct(">4sIQIIQIIQ")
_FEATURES = struct.Struct(">QQQ")
_DIRTY, _COMPRESSION = 1 << 0, 1 << 3
_VERSIONS = (2, 3)
_CLUSTER_BITS = range(9, 22)
_MOST_L1 = 32 << 20  # bytes; QEMU opens no image with more
_OFFSET = 0x00FF_FFFF_FFFF_FE00
_COMPRESSED = 1 << 62
_ZERO = 1 << 0
_SECTOR = 512


class Compression(Enum):
    """How compressed clusters are packed."""

    ZLIB = 0
    ZSTD = 1


class Kind(Enum):
    """What a stretch of the disk is."""

    ZERO = "zero"
    DATA = "data"
    PACKED = "packed"


class Extent(msgspec.Struct, frozen=True):
    """The next `length` bytes of the disk: zeros, or `stored` bytes of the file at `offset`."""

    kind: Kind
    length: int
    offset: int = 0
    stored: int = 0


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """What the header says, of an image whose every cluster can be read here. Sizes and offsets are bytes."""

    size: int
    cluster: int
    version: int
    l1_offset: int
    l1_entries: int
    compression: Compression

    @property
    def covered(self) -> int:
        """Bytes of the disk that one second-level table tells of."""
        return self.cluster * (self.cluster // 8)


def layout(head: bytes) -> Layout | None:
    """What the first `HEADER` bytes say; None for an image that needs more than is known here.

    That is one with a backing file, external data, encryption, extended tables, or of an unknown version.
    """
    if len(head) < HEADER:
        return None
    magic, version, backing, _, bits, size, crypt, l1_entries, l1_offset = _FIXED.unpack_from(head)
    if magic != _MAGIC or version not in _VERSIONS or backing or crypt or bits not in _CLUSTER_BITS:
        return None
    incompatible = _FEATURES.unpack_from(head, 72)[0] if version > 2 else 0  # noqa: PLR2004 - the version without
    if incompatible & ~(_DIRTY | _COMPRESSION):
        return None
    kind = head[104] if incompatible & _COMPRESSION else 0
    cluster = 1 << bits
    needed = -(-size // (cluster * (cluster // 8)))
    if kind not in {each.value for each in Compression} or needed > l1_entries or needed * 8 > _MOST_L1:
        return None
    return Layout(
        size=size,
        cluster=cluster,
        version=version,
        l1_offset=l1_offset,
        l1_entries=needed,
        compression=Compression(kind),
    )


def tables(image: Layout, data: bytes, file_size: int) -> Iterator[tuple[int, int]]:
    """From the first-level table's bytes: of each second-level table, or run of none, the offset and bytes of disk.

    The offset is 0 where all is zeros. Raises `UnsafeContent` when one is not inside the file of `file_size` bytes.
    """
    left, empty = image.size, 0
    for (entry,) in struct.iter_unpack(">Q", data):
        offset, length = entry & _OFFSET, min(left, image.covered)
        left -= length
        if not offset:
            empty += length
            continue
        _require_inside(offset, image.cluster, image, file_size)
        if empty:
            yield 0, empty
            empty = 0
        yield offset, length
    if empty:
        yield 0, empty


def extents(image: Layout, data: bytes, length: int, file_size: int) -> Iterator[Extent]:
    """From a second-level table's bytes: the `length` bytes of the disk that it tells of, neighbours joined.

    Raises `UnsafeContent` when a cluster is not inside the file of `file_size` bytes.
    """
    before: Extent | None = None
    for (entry,) in struct.iter_unpack(">Q", data[: -(-length // image.cluster) * 8]):
        after = _extent(image, entry, min(length, image.cluster), file_size)
        length -= after.length
        joined = None if before is None else _joined(before, after)
        if before is not None and joined is None:
            yield before
        before = joined or after
    if before is not None:
        yield before


def _extent(image: Layout, entry: int, length: int, file_size: int) -> Extent:
    if entry & _COMPRESSED:
        return _packed(image, entry, length, file_size)
    offset = entry & _OFFSET
    if not offset or (entry & _ZERO and image.version > 2):  # noqa: PLR2004 - the version without
        return Extent(Kind.ZERO, length)
    _require_inside(offset, 1, image, file_size)
    return Extent(Kind.DATA, length, offset, length)


def _packed(image: Layout, entry: int, length: int, file_size: int) -> Extent:
    bits = 62 - (image.cluster.bit_length() - 1 - 8)
    offset = entry & ((1 << bits) - 1)
    sectors = (entry & (_COMPRESSED - 1)) >> bits
    if offset >= file_size:
        raise _damaged()
    stored = min((sectors + 1) * _SECTOR - offset % _SECTOR, file_size - offset)
    return Extent(Kind.PACKED, length, offset, stored)


def _joined(before: Extent, after: Extent) -> Extent | None:
    """Both as one; None when they are not neighbours."""
    if before.kind is not after.kind or before.kind is Kind.PACKED:
        return None
    if before.kind is Kind.DATA and before.offset + before.length != after.offset:
        return None
    length = before.length + after.length
    return Extent(before.kind, length, before.offset, length if before.kind is Kind.DATA else 0)


def _require_inside(offset: int, length: int, image: Layout, file_size: int) -> None:
    if offset % image.cluster or offset + length > file_size:
        raise _damaged()


def _damaged() -> UnsafeContent:
    return UnsafeContent("The data are qcow2 and damaged: a part of the disk should be where the file has none.")
