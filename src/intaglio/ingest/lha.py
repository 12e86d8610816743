"""Unpacking the one file of an LHA archive as it streams through: by lhasa, in the sandbox of tools for users' data.

Two of them read the same bytes: one prints what is inside, the other compares checksums, of which the first says
nothing. The archive's names are nobody's business. Source of the headers: LHA's format, levels 0 to 3.
"""

import asyncio
import contextlib
import os
import signal
import struct
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from intaglio.ingest.base import CannotUnpack
from intaglio.ingest.conversion import sandbox

PROGRAM = "lhasa"
_LIMITS = sandbox.Limits(memory=256 << 20, seconds=24 * 3600)  # of processor; memory for tables of some kilobytes
_PIECE = 1 << 20
_HEAD = 28
_FIELDS = struct.Struct("<2x5sII")  # method, packed size, size
_DIRECTORY = b"-lhd-"
_PATIENCE_SECONDS = 60.0  # for an end, when all was read


async def unpacked(pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The plain bytes of the one file in the archive; `pieces` are closed at the end.

    Raises `CannotUnpack`, and what `pieces` raise.
    """
    async with aclosing(pieces):
        lacking = sandbox.missing(PROGRAM)
        if lacking:
            raise CannotUnpack(
                f"The service has no {' and no '.join(lacking)}, which unpacking lha needs; send the data as gzip."
            )
        archive = _Archive(pieces)
        size = await archive.begin()
        printing, testing = [await _started(words) for words in (["pq", "-"], ["tq", "-"])]
        feeding = asyncio.create_task(_feed(archive, [printing, testing]))
        came = 0
        try:
            while piece := await _read(printing):
                came += len(piece)
                yield piece
            await feeding  # raises what is wrong with the archive, or with where it comes from
            async with asyncio.timeout(_PATIENCE_SECONDS):
                wrong = await printing.wait() or await testing.wait()
            if wrong or came != size:
                raise CannotUnpack("The lha data are damaged: their size or checksum is not what it should be.")
        except TimeoutError:
            raise CannotUnpack("The lha data are damaged: they do not end.") from None
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
            for each in (printing, testing):
                await _ended(each)


class _Archive:
    """An archive's bytes, as long as there is one file in it."""

    def __init__(self, pieces: AsyncGenerator[bytes, None]) -> None:
        self._pieces = pieces
        self._head = b""
        self._left = 0  # bytes of header and file still to come

    async def begin(self) -> int:
        """The size of what is inside. Raises `CannotUnpack`."""
        while len(self._head) < _HEAD:
            try:
                self._head += await anext(self._pieces)
            except StopAsyncIteration:
                raise CannotUnpack("The packed data end in the middle.") from None
        method, packed, size = _FIELDS.unpack_from(self._head)
        if method == _DIRECTORY:
            raise CannotUnpack("The lha archive holds a directory; an image is one file.")
        if not size:
            raise CannotUnpack("The lha archive holds an empty file, or none.")
        self._left = _header(self._head) + packed
        return int(size)

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """All of them. Raises `CannotUnpack` when there is another file."""
        yield self._passed(self._head)
        async for piece in self._pieces:
            if piece:
                yield self._passed(piece)
        if self._left > 0:
            raise CannotUnpack("The packed data end in the middle.")

    def _passed(self, piece: bytes) -> bytes:
        if 0 <= self._left < len(piece) and piece[self._left] != 0:
            raise CannotUnpack("The lha archive holds more than one file; an image is one.")
        self._left = self._left - len(piece) if self._left >= 0 else -1
        return piece


def _header(head: bytes) -> int:
    """Bytes of the first header; what is behind it and belongs to it is counted with the file."""
    level = head[20]
    if level in {0, 1}:
        return head[0] + 2
    if level == 2:  # noqa: PLR2004 - the levels of the format
        return int.from_bytes(head[:2], "little")
    if level == 3:  # noqa: PLR2004 - the same
        return int.from_bytes(head[24:28], "little")
    raise CannotUnpack("The lha data are damaged: there is no header of this kind.")


async def _started(words: Sequence[str]) -> asyncio.subprocess.Process:
    walls = await asyncio.to_thread(sandbox.walls)
    return await asyncio.create_subprocess_exec(
        *sandbox.command(walls, _LIMITS, [PROGRAM, *words]),
        env=sandbox.environment(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=os.sep,
        start_new_session=True,
    )


async def _feed(archive: _Archive, readers: Sequence[asyncio.subprocess.Process]) -> None:
    """Give both all bytes. One that has read enough, or does not want more, is passed over."""
    try:
        async with aclosing(archive.pieces()) as pieces:
            async for piece in pieces:
                for each in readers:
                    await _write(each, piece)
    finally:
        for each in readers:
            if each.stdin is not None:
                each.stdin.close()


async def _write(reader: asyncio.subprocess.Process, piece: bytes) -> None:
    if reader.stdin is None or reader.stdin.is_closing():
        return
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        reader.stdin.write(piece)
        await reader.stdin.drain()


async def _read(printing: asyncio.subprocess.Process) -> bytes:
    return b"" if printing.stdout is None else await printing.stdout.read(_PIECE)


async def _ended(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)

    async def settled() -> None:
        while await _read(process):  # what was printed and nobody wants keeps the pipe open
            pass
        await process.wait()

    await asyncio.shield(asyncio.ensure_future(settled()))
