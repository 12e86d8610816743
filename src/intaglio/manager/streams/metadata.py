"""What Incus and LXD want to know of a disk: `metadata.yaml` in a packed tar, the same bytes for the same build."""

import io
import lzma
import tarfile
from datetime import UTC, date, datetime

import yaml


def tarball(architecture: str, day: date, properties: dict[str, str]) -> bytes:
    """The metadata of a virtual machine's disk. `architecture` is the kernel's name, such as x86_64."""
    made = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
    said = {
        "architecture": architecture,
        "creation_date": made,
        "properties": {name: value for name, value in sorted(properties.items()) if value},
        "templates": {},
    }
    text = yaml.safe_dump(said, sort_keys=False, allow_unicode=True).encode()
    entry = tarfile.TarInfo("metadata.yaml")
    entry.size, entry.mtime, entry.mode = len(text), made, 0o644
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        archive.addfile(entry, io.BytesIO(text))
    return lzma.compress(packed.getvalue(), preset=6)
