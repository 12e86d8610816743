"""Unpacking data while they stream through: told by their first bytes, never by a name, and within bounds.

gzip, bzip2, xz and zstd; lha by its tool; of zip (APPNOTE 6.3) and tar (POSIX ustar) archives the one disk in them.
What is inside may be a tar once more, as in `disk.tar.gz`; nothing else is unpacked twice.
"""

import asyncio
import bz2
import importlib
import lzma
import struct
import zlib
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any, Protocol

import msgspec

from intaglio.ingest import lha
from intaglio.ingest.base import CannotUnpack

HEAD = 512
"""Bytes by which packed data are known."""
_PIECE = 1 << 20  # bytes at most in one piece of what comes out
_XZ_MEMORY = 256 << 20  # bytes a decoder may take
_BITE = 1024  # bytes given at once to a decoder whose answer has no bound of its own
_TAIL = 1 << 20  # bytes behind the member of a zip archive
_ELSEWHERE = 0xFFFFFFFF  # the size of a file that has a larger one in its extra field
_DESCRIPTION = ".ovf"
_LONGEST_TEXT = 1 << 20  # bytes of a description
_BESIDE = (_DESCRIPTION, ".mf", ".cert", ".xml", ".nvram", ".txt")  # files of an OVA that are no disks


class UnpackingLimits(msgspec.Struct, frozen=True, kw_only=True):
    """`ratio`: how many bytes may come of one, once more than `free` bytes have come."""

    ratio: int = 1000
    free: int = 10 << 30


class Decoder(Protocol):
    """Takes packed bytes and gives plain ones, a bounded piece at a time. It does not wait, and is used in threads."""

    def feed(self, data: bytes) -> None:
        """Take more; only when `take` had nothing left to give."""
        ...

    def take(self) -> bytes:
        """The next plain bytes; none when more must be fed."""
        ...

    def finish(self) -> None:
        """Raise `CannotUnpack` when the data ended too early."""
        ...


def packing(head: bytes) -> str | None:
    """How data are packed that begin so, by at least `HEAD` bytes where there are so many; None when they are not."""
    for name, magic in _MAGIC.items():
        if head.startswith(magic):
            return name
    if head[257:262] == b"ustar":
        return "tar"
    if head[2:5] in {b"-lh", b"-lz"} and head[6:7] == b"-":
        return "lha"
    return None


def ignored(_: object, /) -> None:
    """Tells nobody."""


async def unpacked(
    pieces: AsyncGenerator[bytes, None],
    limits: UnpackingLimits,
    noted: Callable[[str], None] = ignored,
    described: Callable[[bytes], None] = ignored,
) -> AsyncGenerator[bytes, None]:
    """The plain bytes of `pieces`, which are closed at the end; data that are not packed pass as they are.

    `noted` is told each kind of packing that was found, `described` gets the OVF description in an OVA, if that is no
    longer than 1 MiB. Raises `CannotUnpack`, and what `pieces` raise.
    """
    outer = await _Peeked.at(pieces)
    kind = packing(outer.head)
    if kind is None:
        async with aclosing(outer.pieces()) as plain:
            async for piece in plain:
                yield piece
        return
    noted(kind)
    inner = await _Peeked.at(_decoded(outer.pieces(), kind, limits, described))
    twice = kind not in _ARCHIVES and packing(inner.head) == "tar"
    if twice:
        noted("tar")
    result = _decoded(inner.pieces(), "tar", limits, described) if twice else inner.pieces()
    async with aclosing(result) as plain:
        async for piece in plain:
            yield piece


class _Peeked:
    """A stream of which the first bytes are known."""

    def __init__(self, head: bytes, rest: AsyncGenerator[bytes, None]) -> None:
        self.head = head
        self._rest = rest

    @classmethod
    async def at(cls, pieces: AsyncGenerator[bytes, None]) -> "_Peeked":
        head = b""
        try:
            while len(head) < HEAD:
                head += await anext(pieces)
        except StopAsyncIteration:
            pass
        except BaseException:
            await pieces.aclose()
            raise
        return cls(head, pieces)

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        async with aclosing(self._rest):
            if self.head:
                yield self.head
            async for piece in self._rest:
                yield piece


async def _decoded(
    pieces: AsyncGenerator[bytes, None], kind: str, limits: UnpackingLimits, described: Callable[[bytes], None]
) -> AsyncGenerator[bytes, None]:
    packed, given = _Counted(pieces), 0
    found = lha.unpacked(packed.pieces()) if kind == "lha" else _by_decoder(packed.pieces(), kind, described)
    async with aclosing(found) as plain:
        async for piece in plain:
            given += len(piece)
            if given > max(limits.free, packed.size * limits.ratio):
                raise CannotUnpack(f"The {kind} data unpack to more than {limits.ratio} times their size.")
            yield piece


class _Counted:
    """Packed bytes on their way, and how many they were so far."""

    def __init__(self, pieces: AsyncGenerator[bytes, None]) -> None:
        self._pieces = pieces
        self.size = 0

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        async with aclosing(self._pieces):
            async for piece in self._pieces:
                self.size += len(piece)
                yield piece


async def _by_decoder(
    pieces: AsyncGenerator[bytes, None], kind: str, described: Callable[[bytes], None]
) -> AsyncGenerator[bytes, None]:
    async with aclosing(pieces):
        decoder = _Tar(described) if kind == "tar" else _decoder(kind)
        async for packed in pieces:
            decoder.feed(packed)
            while plain := await asyncio.to_thread(_take, decoder, kind):
                yield plain
    decoder.finish()


def _decoder(kind: str) -> Decoder:
    return _DECODERS[kind]()


def _take(decoder: Decoder, kind: str) -> bytes:
    try:
        return decoder.take()
    except (OSError, EOFError, ValueError, lzma.LZMAError, zlib.error, MemoryError, struct.error) as error:
        raise CannotUnpack(f"The {kind} data are damaged: {error}.") from error


class _Deflate:
    """Members of deflate data, one after the other; zeros may follow the last. With `once` there is one."""

    def __init__(self, wbits: int = 31, *, once: bool = False) -> None:
        self._wbits = wbits
        self._once = once
        self._pending = b""
        self._member: Any = None
        self._full = False
        self.members = 0

    def feed(self, data: bytes) -> None:
        self._pending += data

    def take(self) -> bytes:
        while (self._pending or self._full) and not (self._once and self.members):
            if self._member is None:
                self._pending = self._pending.lstrip(b"\0") if self.members else self._pending
                if not self._pending:
                    return b""
                self._member = zlib.decompressobj(self._wbits)
            plain: bytes = self._member.decompress(self._pending, _PIECE)
            self._pending = self._member.unconsumed_tail
            self._full = len(plain) == _PIECE and not self._member.eof  # there may be more of what was fed before
            if self._member.eof:
                self._pending, self._member = self._member.unused_data, None
                self.members += 1
            if plain:
                return plain
        return b""

    def rest(self) -> bytes:
        """What came behind the last member."""
        return self._pending

    def finish(self) -> None:
        if self._member is not None or not self.members:
            raise CannotUnpack("The packed data end in the middle.")


class _Streams:
    """Streams of bzip2 or xz, one after the other; zeros may stand between those of xz."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._pending = b""
        self._stream: Any = None
        self._streams = 0

    def feed(self, data: bytes) -> None:
        self._pending += data

    def take(self) -> bytes:
        while True:
            if self._stream is None:
                self._pending = self._pending.lstrip(b"\0") if self._streams else self._pending
                if not self._pending:
                    return b""
                self._stream = self._make()
            if self._stream.needs_input and not self._pending:
                return b""
            plain: bytes = self._stream.decompress(self._pending, _PIECE)
            self._pending = b""
            if self._stream.eof:
                self._pending, self._stream = self._stream.unused_data, None
                self._streams += 1
            if plain:
                return plain

    def finish(self) -> None:
        if self._stream is not None or not self._streams:
            raise CannotUnpack("The packed data end in the middle.")


class _Zstandard:
    """Frames of zstd, one after the other, in bites: what comes of one has no other bound."""

    def __init__(self) -> None:
        try:
            self._library = importlib.import_module("zstandard")
        except ImportError:
            raise CannotUnpack("Unpacking zstd needs zstandard on the service: pip install 'intaglio[zstd]'.") from None
        self._pending = memoryview(b"")
        self._plain: list[bytes] = []
        self._frame: Any = None
        self._frames = 0

    def feed(self, data: bytes) -> None:
        self._pending = memoryview(bytes(self._pending) + data)

    def take(self) -> bytes:
        while not self._plain and len(self._pending):
            bite, self._pending = bytes(self._pending[:_BITE]), self._pending[_BITE:]
            if self._frame is None:
                self._frame = self._library.ZstdDecompressor().decompressobj()
            try:
                plain: bytes = self._frame.decompress(bite)
            except self._library.ZstdError as error:
                raise ValueError(str(error)) from error
            if self._frame.eof:
                self._pending = memoryview(self._frame.unused_data + bytes(self._pending))
                self._frame, self._frames = None, self._frames + 1
            self._plain = [plain[start : start + _PIECE] for start in range(0, len(plain), _PIECE)]
            self._plain.reverse()
        return self._plain.pop() if self._plain else b""

    def finish(self) -> None:
        if self._frame is not None or not self._frames:
            raise CannotUnpack("The packed data end in the middle.")


class _Zip:
    """The one file of a zip archive, stored or deflated. What the archive says at its end must agree."""

    _LOCAL = struct.Struct("<4sHHHHHIIIHH")
    _DESCRIPTORS = (0, 12, 16, 20, 24)  # bytes that may stand between the file and the directory
    _ENTRY, _END = b"PK\x01\x02", (b"PK\x05\x06", b"PK\x06\x06")

    def __init__(self) -> None:
        self._pending = b""
        self._inside: _Deflate | None = None
        self._left: int | None = None  # bytes of a stored file still to come
        self._began = self._ended = False
        self._crc = 0
        self._tail = b""

    def feed(self, data: bytes) -> None:
        self._pending += data

    def take(self) -> bytes:
        if not self._began and not self._begin():
            return b""
        plain = b""
        if not self._ended:
            plain = self._stored() if self._inside is None else self._deflated(self._inside)
            self._crc = zlib.crc32(plain, self._crc)
        if self._ended and self._pending:
            self._tail += self._pending
            self._pending = b""
            if len(self._tail) > _TAIL:
                raise CannotUnpack("The zip archive holds more than one file; an image is one.")
        return plain

    def finish(self) -> None:
        if not self._ended:
            raise CannotUnpack("The packed data end in the middle.")
        starts = [at for at in self._DESCRIPTORS if self._tail[at : at + 4] == self._ENTRY]
        if not starts or len(self._tail) < starts[0] + 46:
            raise CannotUnpack("The zip archive is damaged, or holds more than one file; an image is one.")
        entry = self._tail[starts[0] :]
        crc, name, extra, comment = *struct.unpack_from("<I", entry, 16), *struct.unpack_from("<HHH", entry, 28)
        if entry[46 + name + extra + comment :][:4] not in self._END:
            raise CannotUnpack("The zip archive holds more than one file; an image is one.")
        if crc != self._crc:
            raise CannotUnpack("The zip data are damaged: their checksum is not the one they should have.")

    def _begin(self) -> bool:
        if len(self._pending) < self._LOCAL.size:
            return False
        _, _, flags, method, _, _, _, size, _, name, extra = self._LOCAL.unpack_from(self._pending)
        start = self._LOCAL.size + name + extra
        if len(self._pending) < start:
            return False
        beside = self._pending[self._LOCAL.size + name : start]
        if flags & 1:
            raise CannotUnpack("The zip archive is encrypted; send the image as it is.")
        if method == 8:  # noqa: PLR2004 - deflate
            self._inside = _Deflate(-15, once=True)
        elif method == 0 and not flags & 8:
            self._left = _zip64(beside) if size == _ELSEWHERE else size
            self._ended = self._left == 0
        else:
            raise CannotUnpack("The zip archive is packed in a way that cannot be unpacked here; use deflate.")
        self._pending, self._began = self._pending[start:], True
        return True

    def _stored(self) -> bytes:
        left = self._left or 0
        plain, self._pending = self._pending[: min(left, _PIECE)], self._pending[min(left, _PIECE) :]
        self._left = left - len(plain)
        self._ended = not self._left
        return plain

    def _deflated(self, inside: _Deflate) -> bytes:
        inside.feed(self._pending)
        self._pending = b""
        plain = inside.take()
        if inside.members:
            self._pending, self._ended = inside.rest(), True
        return plain


class _Tar:
    """The one disk in a tar archive. What stands beside it, as in an OVA, is passed over, but for the description."""

    def __init__(self, described: Callable[[bytes], None]) -> None:
        self._described = described
        self._description: bytes | None = None  # while it comes
        self._pending = b""
        self._left = 0  # bytes of the member still to come
        self._padding = 0
        self._wanted = False
        self._disks = 0
        self._ended = False

    def feed(self, data: bytes) -> None:
        self._pending += data

    def take(self) -> bytes:
        while self._pending and not self._ended:
            if self._left:
                some = self._pending[: min(self._left, _PIECE)]
                self._pending, self._left = self._pending[len(some) :], self._left - len(some)
                if self._description is not None:
                    self._describe(some)
                if self._wanted:
                    return some
            elif self._padding:
                skipped = min(self._padding, len(self._pending))
                self._pending, self._padding = self._pending[skipped:], self._padding - skipped
            elif len(self._pending) < HEAD:
                return b""
            else:
                self._header(self._pending[:HEAD])
                self._pending = self._pending[HEAD:]
        if self._ended:
            self._pending = b""
        return b""

    def finish(self) -> None:
        if self._left or not self._ended:
            raise CannotUnpack("The packed data end in the middle.")
        if not self._disks:
            raise CannotUnpack("The tar archive holds no disk.")

    def _describe(self, some: bytes) -> None:
        self._description = (self._description or b"") + some
        if not self._left:
            self._described(self._description)
            self._description = None

    def _header(self, block: bytes) -> None:
        if not any(block):
            self._ended = True
            return
        told = int(block[148:156].split(b"\0")[0].strip() or b"0", 8)
        if told != sum(block[:148]) + sum(block[156:]) + 8 * 32:
            raise ValueError("the checksum of a header is wrong")
        size = block[124:136]
        number = int.from_bytes(size[1:], "big") if size[0] & 0x80 else int(size.split(b"\0")[0].strip() or b"0", 8)
        kind, name = block[156:157], block[:100].split(b"\0")[0].decode("ascii", "replace").lower()
        if kind == b"S":
            raise CannotUnpack("The tar archive keeps its disk as a sparse file; pack it without --sparse.")
        regular = kind in {b"0", b"\0", b"7"}
        self._wanted = regular and not name.endswith(_BESIDE)
        self._disks += self._wanted
        if self._disks > 1:
            raise CannotUnpack("The tar archive holds more than one disk; an image is one.")
        self._left = number if regular or kind in {b"x", b"g", b"L", b"K"} else 0
        self._description = b"" if regular and name.endswith(_DESCRIPTION) and 0 < number <= _LONGEST_TEXT else None
        self._padding = -self._left % HEAD


def _zip64(extra: bytes) -> int:
    """The packed size in the extra field of a zip64 file, which stands behind the plain size."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        if kind == 1 and size >= 16:  # noqa: PLR2004 - two sizes of eight bytes
            return int(struct.unpack_from("<Q", extra, at + 12)[0])
        at += 4 + size
    raise ValueError("a size is missing")


_MAGIC: Mapping[str, bytes] = {
    "gzip": b"\x1f\x8b\x08",
    "bzip2": b"BZh",
    "xz": b"\xfd7zXZ\0",
    "zstd": b"\x28\xb5\x2f\xfd",
    "zip": b"PK\x03\x04",
}
_ARCHIVES = frozenset({"zip", "tar", "lha"})
_DECODERS: Mapping[str, Callable[[], Decoder]] = {
    "gzip": _Deflate,
    "bzip2": lambda: _Streams(bz2.BZ2Decompressor),
    "xz": lambda: _Streams(lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)),
    "zstd": _Zstandard,
    "zip": _Zip,
}
