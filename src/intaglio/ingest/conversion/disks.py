"""The judgement before data are given to a tool, and the one of what comes out of it."""

import struct

from msgspec.structs import replace

from intaglio.formats.base import Buffer, FormatMismatch
from intaglio.formats.judge import Inspection
from intaglio.formats.settings import FormatSettings
from intaglio.ingest.conversion.base import Source

_BARE = "bare"
_PLAIN = frozenset({"raw", "gpt"})
"""As what a disk is recognised in which no other format hides; a partition table is part of a disk."""
_FOOTER = 512
_FIXED_VHD = 2


class PlainDisk:
    """Sees to it that the bytes of a disk are nothing but a disk: no image in an image, which a tool would open next.

    It is a consumer of the door: fed on changing threads, one call at a time.
    """

    def __init__(self, formats: FormatSettings) -> None:
        self._inspection = Inspection(replace(formats, require_image_format_match=True), "raw", _BARE)
        self._size = 0

    @property
    def wants_more(self) -> bool:
        """Whether bytes that follow could still change the verdict."""
        return self._inspection.wants_more

    def update(self, data: Buffer, /) -> None:
        """Look at the next bytes. Raises `UnsafeContent`, `FormatMismatch`."""
        self._size += len(data)
        if self._inspection.wants_more:
            self._inspection.feed(data)

    def verify(self) -> None:
        """Raise `FormatMismatch` when it is something else."""
        found = self._inspection.finish(self._size).detected
        if found not in _PLAIN:
            raise FormatMismatch(f"The disk in the data is {found} itself: such nested images are refused.")


class Judging:
    """Whether data that are to be converted are what their image says, and safe; stricter than for storing them."""

    def __init__(self, formats: FormatSettings, declared: str) -> None:
        self._declared = Inspection(replace(formats, require_image_format_match=True), declared, _BARE)
        self._plain = PlainDisk(formats) if declared in {"raw", "vhd"} else None
        self._vhd = declared == "vhd"
        self._mismatch: FormatMismatch | None = None

    @property
    def wants_more(self) -> bool:
        """Whether bytes that follow could still change the verdict."""
        return self._declared.wants_more or (self._plain is not None and self._plain.wants_more)

    def feed(self, piece: bytes) -> None:
        """Look at the next bytes. Raises `UnsafeContent`, `FormatMismatch`."""
        if self._plain is not None:
            self._plain.update(piece)
        if self._declared.wants_more and self._mismatch is None:
            try:
                self._declared.feed(piece)
            except FormatMismatch as error:
                self._mind(error)

    async def settle(self, source: Source) -> None:
        """Say what is wrong with the whole, which is `source`. Raises `UnsafeContent`, `FormatMismatch`."""
        if self._mismatch is None:
            try:
                self._declared.finish(source.size)
            except FormatMismatch as error:
                self._mind(error)
        if self._mismatch is not None and not await _is_fixed_vhd(source):
            raise self._mismatch
        if self._plain is not None and (self._mismatch is not None or not self._vhd):
            self._plain.verify()

    def _mind(self, error: FormatMismatch) -> None:
        """A fixed VHD is known by its end only."""
        if not self._vhd:
            raise error
        self._mismatch = error


async def _is_fixed_vhd(source: Source) -> bool:
    """Whether the data end with the footer of a fixed VHD (VHD specification 1.0), in front of which is the disk."""
    if source.size < _FOOTER:
        return False
    footer = await source.read(source.size - _FOOTER, _FOOTER)
    kind, checksum = struct.unpack_from(">II", footer, 60)
    counted = ~(sum(footer) - sum(footer[64:68])) & 0xFFFFFFFF
    return footer[:8] == b"conectix" and kind == _FIXED_VHD and checksum == counted
