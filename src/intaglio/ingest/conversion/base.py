"""What converting works with: where the data are read, the operator's bounds, and why it does not go on."""

from pathlib import Path
from typing import Protocol

import msgspec

from intaglio.base.errors import Invalid, Unavailable

DRIVERS = {"raw": "raw", "qcow2": "qcow2", "vmdk": "vmdk", "vdi": "vdi", "vhd": "vpc", "vhdx": "vhdx"}
"""The formats that can be converted, and what qemu-img calls each."""
OUTPUTS = ("raw", "qcow2", "vmdk")


class CannotConvert(Invalid):
    """The data are damaged, a trap, or of a kind that is not converted here."""

    code = "cannot-convert"


class ConversionFailed(Unavailable):
    """The tool that converts is missing, was stopped, or failed for a reason of its own."""

    code = "conversion-failed"


class NoSpace(Unavailable):
    """There is not the disk space that the result needs."""

    code = "conversion-no-space"


class ConversionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`memory` is bytes of address space, `seconds` the time by the clock and that of the processor, for each run.

    In `work_dir` results are put down that cannot be stored while they come, in files without a name.
    """

    output_format: str = "raw"
    vmdk_types: tuple[str, ...] = ("streamOptimized", "monolithicSparse")
    memory: int = 1 << 30
    seconds: int = 6 * 3600
    work_dir: Path


class Source(Protocol):
    """Data that are read anywhere. `size` is in bytes."""

    size: int

    async def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes, which lie inside. Raises what keeps them from being read."""
        ...
