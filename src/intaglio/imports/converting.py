"""An import whose data become another format on their way: looked through, judged, and only then given to a tool.

To raw they are converted while they are stored, so that nothing is put down in between; a result in another format is
put into a file without a name, which is gone with the process.
"""

import asyncio
import contextlib
import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import IO

from msgspec.structs import replace

from intaglio.base.errors import Conflict
from intaglio.domain.signatures import OF_SIGNATURES
from intaglio.imports.conversion import (
    SOURCE_FORMAT,
    SOURCE_HASH,
    SOURCE_SIGNED,
    Conversion,
    Signed,
    is_signed,
)
from intaglio.imports.loads import Change, Checks, Intake, Load, Pieces, plain
from intaglio.imports.staged import StagedSource
from intaglio.ingest.base import CapExceeded
from intaglio.ingest.conversion import disks, qcow2
from intaglio.ingest.conversion.base import DRIVERS, CannotConvert, NoSpace, Source
from intaglio.ingest.conversion.qemu import Facts, QemuImg
from intaglio.ingest.conversion.reading import FileSource, Windowed
from intaglio.ingest.unpacking import HEAD, packing
from intaglio.signatures.base import CertificateUntrusted
from intaglio.signatures.own_signing import DIGEST, Prospect
from intaglio.stores.base import Spacious, Store, StoreError

_log = logging.getLogger(__name__)

_PIECE = 1 << 20
_WINDOW = 1 << 20  # bytes read at once for qemu-img, which often asks for less
_SPARE = 16 << 20  # bytes of tables, beside a sixteenth, that a format may need more than another
_COMPRESSIBLE = {"qcow2", "vmdk"}


class OwnCertificateUntrusted(Conflict):
    """The service's own signature would not count for the image."""

    code = "own-certificate-untrusted"


@contextlib.asynccontextmanager
async def converted(intake: Intake, conversion: Conversion, targets: Mapping[str, Store]) -> AsyncIterator[Load]:
    """The staged data in the operator's format.

    Raises what unpacking and inspecting raise, `CannotConvert`, `ConversionFailed`, `NoSpace`, `CapExceeded`,
    `OverQuota`.
    """
    output, declared = conversion.settings.output_format, intake.image.disk_format or ""
    async with contextlib.AsyncExitStack() as stack:
        own = await _own_signature(intake, conversion)
        digest = hashlib.new(intake.bench.hashing_algorithm, usedforsecurity=False)
        source = await _source(intake, conversion, stack, digest)
        await _look_through(intake, source, declared, digest)  # the signature is compared with what was sent, too
        work = _Work(intake, conversion, source, targets)
        pieces, size = await (work.to_raw() if output == "raw" else work.to_file(stack, output))
        spec = replace(intake.spec(size=size), disk_format=output, container_format="bare")
        yield Load(
            spec=spec if own is None else replace(spec, digests=(*spec.digests, DIGEST)),
            pieces=pieces,
            change=_change(intake, output, f"{digest.name}:{digest.hexdigest()}", own),
            findings=intake.findings,
            checks=_plain_disk(intake) if output == "raw" else lambda: ((), None),
        )


class _Work:
    """One conversion."""

    def __init__(self, intake: Intake, conversion: Conversion, source: Source, targets: Mapping[str, Store]) -> None:
        self._intake = intake
        self._settings = conversion.settings
        self._qemu = QemuImg(conversion.settings)
        self._declared = intake.image.disk_format or ""
        self._driver = DRIVERS[self._declared]
        self._source = source
        self._targets = targets

    async def to_raw(self) -> tuple[Pieces, int]:
        """The disk in the data as a stream, and its size."""
        source, watched = self._source, self._intake.watched
        image = await qcow2.readable(source) if self._declared == "qcow2" else None
        windowed = Windowed(source, _WINDOW)
        size = image.size if image is not None else (await self._facts(windowed)).virtual_size
        await self._claim(size)
        if image is not None:
            filled = await qcow2.allocated(source, image)
        else:
            filled = await self._qemu.measured(windowed, self._driver, "raw")
        await self._require_space(size, filled)
        watched.enter("convert", size)

        def pieces() -> AsyncGenerator[bytes, None]:
            if image is not None:
                return watched.counted(qcow2.disk(source, image))
            return watched.counted(self._qemu.stream(windowed, self._driver, size))

        return pieces, size

    async def to_file(self, stack: contextlib.AsyncExitStack, output: str) -> tuple[Pieces, int]:
        """The result as a stream of what was put down, and its size."""
        windowed, watched = Windowed(self._source, _WINDOW), self._intake.watched
        facts = await self._facts(windowed)
        needed = await self._qemu.measured(windowed, self._driver, "qcow2")
        if self._driver not in _COMPRESSIBLE:
            needed = min(needed, self._source.size)
        _require_free(self._settings.work_dir, needed + needed // 16 + _SPARE)
        most = min(self._intake.bench.size_cap, facts.virtual_size + facts.virtual_size // 16 + _SPARE)
        file = stack.enter_context(_unnamed(self._settings.work_dir))
        watched.enter("convert", facts.virtual_size)

        def noted(part: float) -> None:
            watched.at(int(part * facts.virtual_size))

        await self._qemu.convert(windowed, self._driver, output, file.fileno(), most, noted)
        size = os.fstat(file.fileno()).st_size
        await self._claim(size)
        await self._require_space(size, size)
        watched.enter("store", size)
        return lambda: watched.counted(_all(FileSource(file.fileno(), size))), size

    async def _facts(self, source: Source) -> Facts:
        """What qemu-img finds, which has to agree with what was found before."""
        facts = await self._qemu.facts(source, self._driver)
        if facts.outside:
            raise CannotConvert("The data name other files; only images that are whole are converted.")
        if facts.encrypted:
            raise CannotConvert("The data are encrypted, and cannot be converted without their key.")
        if facts.create_type is not None and facts.create_type not in self._settings.vmdk_types:
            allowed = ", ".join(self._settings.vmdk_types) or "none"
            raise CannotConvert(f"The data are a VMDK of the type {facts.create_type[:40]}; converted are: {allowed}.")
        return facts

    async def _claim(self, size: int) -> None:
        """Make sure of what the result may have, before there is any of it."""
        bench = self._intake.bench
        if size > bench.size_cap:
            raise CapExceeded(f"The disk in the data has {size} bytes, and an image may have {bench.size_cap} at most.")
        await bench.room.claim(self._intake.job, self._intake.lease, max(size, self._intake.data.size), known=True)

    async def _require_space(self, size: int, filled: int) -> None:
        """Refuse at once what does not fit, where a store can say so: `filled` bytes of `size` are no holes."""
        for store_id in self._targets:
            store = self._intake.bench.stores.bare[store_id]
            if not isinstance(store, Spacious):
                continue
            needed = filled if store.abilities.holes or store.abilities.sparse else size
            with contextlib.suppress(StoreError):  # writing to it will say what is wrong
                free = (await store.space()).most
                if free < needed:
                    raise NoSpace(f"Store {store_id} has {free} bytes free, and the converted image takes {needed}.")


async def _source(
    intake: Intake, conversion: Conversion, stack: contextlib.AsyncExitStack, digest: "hashlib._Hash"
) -> Source:
    """The data in a form that can be read anywhere: where they are staged, or unpacked into a file without a name."""
    staged = StagedSource(intake.bench.staging, intake.data)
    limits = intake.unpacking
    if limits is None or packing(await staged.read(0, min(HEAD, staged.size))) is None:
        return staged
    file = stack.enter_context(_unnamed(conversion.settings.work_dir))
    size = 0
    intake.watched.enter("unpack", intake.data.size)
    try:
        async with contextlib.aclosing(plain(intake, _digested(intake.counted(), digest), limits)) as pieces:
            async for piece in pieces:
                size += await asyncio.to_thread(file.write, piece)
                if size > intake.bench.size_cap:
                    raise CapExceeded(f"The data unpack to more than the {intake.bench.size_cap} bytes of one image.")
    except OSError as error:
        raise NoSpace(f"There is no space for what the data unpack to: {error.strerror}.") from error
    return FileSource(file.fileno(), size)


async def _look_through(intake: Intake, source: Source, declared: str, digest: "hashlib._Hash") -> None:
    """Judge the data, compare them with their signature, and digest them unless that was done while unpacking."""
    judging = disks.Judging(intake.bench.formats, declared)
    digested, check = isinstance(source, FileSource), intake.check
    signed = None if check is None else hashlib.new(check.algorithm, usedforsecurity=False)
    intake.watched.enter("inspect", source.size)
    async with contextlib.aclosing(_all(source) if digested else _digested(intake.counted(), digest)) as pieces:
        async for piece in pieces:
            judging.feed(piece)
            if signed is not None:
                await asyncio.to_thread(signed.update, piece)
            elif digested and not judging.wants_more:
                break
    if check is not None and signed is not None:
        check.require({check.algorithm: signed.hexdigest()})
    await judging.settle(source)


def _plain_disk(intake: Intake) -> Callable[[], Checks]:
    def checks() -> Checks:
        disk = disks.PlainDisk(intake.bench.formats)
        return (disk,), disk.verify

    return checks


async def _own_signature(intake: Intake, conversion: Conversion) -> Prospect | None:
    """The service's signature of the result, where it is to stand for the one that was verified.

    Whether it would count is found out before anything is converted.
    """
    signer = intake.bench.own_signer
    if conversion.signed is not Signed.RESIGN or intake.check is None or signer is None:
        return None
    try:
        return await signer.prospect(intake.image, intake.job.stores)
    except CertificateUntrusted as error:
        raise OwnCertificateUntrusted(
            f"The image would be signed by the service after it is converted, and that does not count here: {error} "
            "The operator puts the service's certificate (`intaglio cert service export`) into the trust store's roots."
        ) from None


def _change(intake: Intake, output: str, digest: str, own: Prospect | None) -> Change:
    """What the image says of itself afterwards, and remembers of what was sent."""
    remembered = {SOURCE_FORMAT: intake.image.disk_format or "", SOURCE_HASH: digest}
    signed = is_signed(intake.image)
    if signed and own is None:
        _log.warning(
            "image %s is converted and loses its signature, as [intaglio] convert_signed says", intake.image.id
        )
    return Change(
        disk_format=output,
        container_format="bare",
        properties={**remembered, SOURCE_SIGNED: "yes"} if signed else remembered,
        without=frozenset(OF_SIGNATURES) if signed else frozenset(),
        own=own,
    )


async def _digested(pieces: AsyncGenerator[bytes, None], digest: "hashlib._Hash") -> AsyncGenerator[bytes, None]:
    async with contextlib.aclosing(pieces):
        async for piece in pieces:
            await asyncio.to_thread(digest.update, piece)
            yield piece


async def _all(source: Source) -> AsyncGenerator[bytes, None]:
    for offset in range(0, source.size, _PIECE):
        yield await source.read(offset, min(_PIECE, source.size - offset))


def _unnamed(directory: Path) -> IO[bytes]:
    """A file that has no name, or had one for a moment: nothing of it stays, however this process ends."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=directory, buffering=0)
    except OSError as error:
        raise NoSpace(f"The worker's directory for converting cannot be used ({error.strerror}).") from error


def _require_free(directory: Path, needed: int) -> None:
    there = next(each for each in (directory, *directory.parents) if each.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise NoSpace(
            f"Converting needs about {needed} bytes in the worker's directory for that, where {free} are free."
        )
