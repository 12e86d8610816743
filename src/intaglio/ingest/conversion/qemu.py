"""qemu-img as it is used here: it is told every format, reads from this process, and is limited and walled in."""

import asyncio
import contextlib
import logging
import os
import re
import signal
import socket
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from typing import Any

import msgspec

from intaglio.base.errors import IntaglioError
from intaglio.ingest.conversion import sandbox
from intaglio.ingest.conversion.base import CannotConvert, ConversionFailed, ConversionSettings, NoSpace, Source
from intaglio.ingest.conversion.nbd import Export, serve
from intaglio.ingest.conversion.pipe import Pipe
from intaglio.stores.base import holes

_log = logging.getLogger(__name__)

PROGRAM = "qemu-img"
_ASK_SECONDS = 60  # of a question about the data, which is answered from their first megabytes
_MOST_SAID = 64 << 10  # bytes of what it prints
_MOST_NOTED = 400  # characters of it in an error
_PROGRESS = re.compile(rb"\((\d+(?:\.\d+)?)/100%\)")
_CPU_LIMIT = {-signal.SIGXCPU, 128 + signal.SIGXCPU, -signal.SIGKILL, 128 + signal.SIGKILL}
_FILE_LIMIT = {-signal.SIGXFSZ, 128 + signal.SIGXFSZ}

Noted = Callable[[float], None]
"""Is told how far a conversion is, from 0 to 1."""


class Facts(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """What qemu-img says of the data. `virtual_size` is bytes of the disk in them."""

    virtual_size: int
    format: str
    backing_filename: str | None = None
    encrypted: bool = False
    format_specific: "_Specific | None" = None

    @property
    def create_type(self) -> str | None:
        """The type of a VMDK."""
        return None if self.format_specific is None else self.format_specific.data.create_type

    @property
    def outside(self) -> bool:
        """Whether the data name other files."""
        data_file = None if self.format_specific is None else self.format_specific.data.data_file
        return bool(self.backing_filename or data_file)


class _Data(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    create_type: str | None = None
    data_file: str | None = None


class _Specific(msgspec.Struct, frozen=True, kw_only=True):
    data: _Data = _Data()


class _Measured(msgspec.Struct, frozen=True):
    required: int


class _Reading:
    """A source as an export."""

    writable = False

    def __init__(self, source: Source) -> None:
        self.size = -(-source.size // 512) * 512  # disks are made of sectors
        self._source = source

    async def read(self, offset: int, length: int) -> bytes:
        there = max(0, min(length, self._source.size - offset))
        data = await self._source.read(offset, there) if there else b""
        return data if there == length else data + bytes(length - there)

    async def write(self, _offset: int, _data: memoryview, /) -> None:
        raise AssertionError("it is not writable")

    async def zero(self, _offset: int, _length: int, /) -> None:
        raise AssertionError("it is not writable")


class QemuImg:
    """Runs of qemu-img. `driver` is its name of a format, see `DRIVERS`.

    Every method raises `CannotConvert` when the data are at fault, `ConversionFailed` when the tool is, and what the
    source raises; cancelled, it ends the process.
    """

    def __init__(self, settings: ConversionSettings) -> None:
        self._settings = settings

    async def facts(self, source: Source, driver: str) -> Facts:
        """What the data say of themselves, taken for that format."""
        said = await self._asked(["info", "--output=json", "--image-opts", "{0}"], source, driver)
        try:
            return msgspec.json.decode(said, type=Facts)
        except msgspec.MsgspecError as error:
            raise CannotConvert("qemu-img says nothing of the data that could be understood.") from error

    async def measured(self, source: Source, driver: str, output: str) -> int:
        """How many bytes of space the result will take at most, about: what is known without reading all data."""
        words = ["measure", "--output=json", "-O", output, "--image-opts", "{0}"]
        try:
            return msgspec.json.decode(await self._asked(words, source, driver), type=_Measured).required
        except msgspec.MsgspecError as error:
            raise ConversionFailed("qemu-img does not say how large the result will be.") from error

    async def stream(self, source: Source, driver: str, size: int) -> AsyncGenerator[bytes, None]:
        """The disk of `size` bytes in the data, from its beginning to its end; nothing is put down."""
        pipe = Pipe(size)
        words = ["convert", "-n", "--target-is-zero", "--image-opts", "{0}", "--target-image-opts", "driver=raw,{1}"]

        async def work() -> None:
            try:
                await self._run(words, driver, [_Reading(source), pipe], seconds=self._settings.seconds)
            finally:
                pipe.end()

        running = asyncio.create_task(work())
        given = 0
        try:
            async with contextlib.aclosing(pipe.pieces()) as pieces:
                async for piece in pieces:
                    given += len(piece)
                    yield piece
            await running
            for piece in holes(size - given):
                yield piece
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def convert(
        self, source: Source, driver: str, output: str, target: int, most: int, noted: Noted = lambda _: None
    ) -> None:
        """Write the data as `output` into the open file `target`, which gets at most `most` bytes.

        Raises `NoSpace` when the file system is full, too.
        """
        words = ["convert", "-p", "-O", output, "--image-opts", "{0}", f"/proc/self/fd/{target}"]

        def hear(said: bytes) -> None:
            found = _PROGRESS.findall(said)
            if found:
                noted(float(found[-1]) / 100)

        exports = [_Reading(source)]
        seconds = self._settings.seconds
        await self._run(words, driver, exports, seconds=seconds, hand=[target], file_size=most, hear=hear)

    async def _asked(self, words: Sequence[str], source: Source, driver: str) -> bytes:
        return await self._run(words, driver, [_Reading(source)], seconds=_ASK_SECONDS)

    async def _run(
        self,
        words: Sequence[str],
        driver: str,
        exports: Sequence[Export],
        *,
        seconds: int,
        hand: Sequence[int] = (),
        file_size: int = 0,
        hear: Callable[[bytes], None] = lambda _: None,
    ) -> bytes:
        """What it printed. `{0}` and `{1}` in `words` become the exports, the first being in the format `driver`."""
        lacking = sandbox.missing(PROGRAM)
        if lacking:
            raise ConversionFailed(f"The worker has no {' and no '.join(lacking)}, which converting needs.")
        with contextlib.ExitStack() as everything, contextlib.ExitStack() as stack:
            pairs = [socket.socketpair() for _ in exports]
            ours = [everything.enter_context(pair[0]) for pair in pairs]
            theirs = [stack.enter_context(pair[1]) for pair in pairs]
            names = [f"file.driver=nbd,file.server.type=fd,file.server.str={end.fileno()}" for end in theirs]
            names[0] = f"driver={driver},{names[0]}"
            limits = sandbox.Limits(memory=self._settings.memory, seconds=seconds, file_size=file_size)
            whole = sandbox.command(
                await asyncio.to_thread(sandbox.walls), limits, [PROGRAM, *(word.format(*names) for word in words)]
            )
            serving = [asyncio.create_task(serve(end, each)) for end, each in zip(ours, exports, strict=True)]
            try:
                handed = [*hand, *(end.fileno() for end in theirs)]
                running = await _started(whole, handed)
                stack.close()
                return await _followed(running, serving, seconds, hear)
            finally:
                for task in serving:
                    task.cancel()
                await asyncio.gather(*serving, return_exceptions=True)


async def _started(whole: Sequence[str], handed: Sequence[int]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *whole,
        pass_fds=handed,
        env=sandbox.environment(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=os.sep,
        start_new_session=True,
    )


async def _followed(
    running: asyncio.subprocess.Process,
    serving: "Sequence[asyncio.Task[None]]",
    seconds: int,
    hear: Callable[[bytes], None],
) -> bytes:
    """What it printed, when it ended well in time."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(seconds):
            said, complaint, _ = await asyncio.gather(
                _heard(running.stdout, hear), _heard(running.stderr), running.wait()
            )
    except TimeoutError:
        raise _too_long(seconds) from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        await _patiently(running.wait())
    for task in serving:
        await task  # raises what made a request fail: that is the reason, whatever qemu-img makes of it
    if running.returncode:
        raise _failure(running.returncode, complaint, seconds, time.monotonic() - began)
    return said


async def _heard(stream: asyncio.StreamReader | None, hear: Callable[[bytes], None] = lambda _: None) -> bytes:
    """All that it prints, of which the last is kept."""
    said = b""
    while stream is not None and (more := await stream.read(_MOST_SAID)):
        hear(more)
        said = (said + more)[-_MOST_SAID:]
    return said


async def _patiently(ending: Coroutine[Any, Any, int]) -> None:
    """Wait for a process that was killed, also when this is cancelled meanwhile."""
    await asyncio.shield(asyncio.ensure_future(ending))


def _failure(status: int, complaint: bytes, seconds: int, elapsed: float) -> IntaglioError:
    text = complaint.decode(errors="replace").strip()
    _log.warning("qemu-img ended with %d: %s", status, text[-2000:])
    if status in _CPU_LIMIT and elapsed * (os.cpu_count() or 1) >= seconds:
        return _too_long(seconds)
    if "No space left" in text:
        return NoSpace("There is no space left in the worker's directory for converting ([task] work_dir).")
    if "File too large" in text or status in _FILE_LIMIT:
        return CannotConvert("The result becomes larger than one image may be.")
    if status < 0 or status > 128 or "allocate memory" in text:  # noqa: PLR2004 - as shells tell of signals
        return CannotConvert("qemu-img was stopped: the data make it use more memory than it may have.")
    last = text.splitlines()[-1] if text else f"it ended with {status}"
    return CannotConvert(f"qemu-img cannot convert the data: {last.removeprefix('qemu-img: ')[:_MOST_NOTED]}")


def _too_long(seconds: int) -> CannotConvert:
    return CannotConvert(f"qemu-img was stopped: it had taken {seconds} seconds, which is as long as it may.")
