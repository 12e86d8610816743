"""Disks in the forms in which others take them, by qemu-img, which is told what it reads."""

import gzip
import shutil
import subprocess
from pathlib import Path

from intaglio.manager.upstream.web import PIECE, FetchFailed

_QCOW2 = b"QFI\xfb"


def as_qcow2(path: Path, target: Path, kind: str) -> None:
    """The disk as qcow2, which Incus and LXD take. Raises `FetchFailed`."""
    _same_kind(path, kind)
    if kind == "qcow2":
        shutil.copyfile(path, target)
    else:
        _convert(path, kind, target, "qcow2")


def as_packed(path: Path, target: Path, kind: str) -> None:
    """The disk as it is written to a machine's, packed by gzip, which MAAS takes. Raises `FetchFailed`."""
    _same_kind(path, kind)
    plain = path if kind == "raw" else target.with_suffix(".raw")
    try:
        if kind != "raw":
            _convert(path, kind, plain, "raw")
        with plain.open("rb") as source, target.open("wb") as out, gzip.GzipFile("", "wb", 6, out, mtime=0) as packed:
            while piece := source.read(PIECE):
                packed.write(piece)
    finally:
        if plain != path:
            plain.unlink(missing_ok=True)


def _same_kind(path: Path, kind: str) -> None:
    with path.open("rb") as file:
        if kind == "qcow2" and file.read(4) != _QCOW2:
            raise FetchFailed("the definition says qcow2, and the file is none")


def _convert(path: Path, kind: str, target: Path, into: str) -> None:
    program = shutil.which("qemu-img")
    if program is None:
        raise FetchFailed(f"a disk is converted from {kind} to {into} by qemu-img, and there is none: get qemu-utils")
    command = [program, "convert", "-q", "-f", kind, "-O", into, str(path), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)  # noqa: S603 - no shell, our own words
    if done.returncode:
        raise FetchFailed(f"qemu-img does not convert it: {done.stderr.strip()[-300:]}")
