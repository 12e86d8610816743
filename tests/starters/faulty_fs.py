"""A FUSE file system that passes everything to a directory, and fails on command. Runs in an environment of its own.

    faulty_fs.py BACKING MOUNTPOINT CONTROL

CONTROL is a JSON file {"operation": "EIO" | "hang" | "slow"}, read at each operation; while an operation hangs, a file
CONTROL.hanging exists. An operation goes on when CONTROL no longer says so; a slow one by itself, a quarter of a second
later. There is no O_TMPFILE here: FUSE has it
only where the server implements it, as most do not.
"""

import ctypes
import errno
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import mfusepy

_SLOW = 0.25  # seconds


class FaultyFileSystem(mfusepy.Operations):  # type: ignore[misc]
    use_ns = True

    def __init__(self, backing: str, control: str) -> None:
        self.backing = backing
        self.control = Path(control)

    def _at(self, operation: str, path: str) -> str:
        """The path behind `path`, after the fault that is ordered for `operation`."""
        self._meet(operation)
        return self.backing + path

    def _meet(self, operation: str) -> None:
        while (fault := self._fault(operation)) == "hang":
            self.control.with_suffix(".hanging").touch()
            time.sleep(0.02)
        if fault == "slow":
            self.control.with_suffix(".hanging").touch()
            time.sleep(_SLOW)
        elif fault:
            raise mfusepy.FuseOSError(getattr(errno, fault))

    def _fault(self, operation: str) -> str | None:
        try:
            faults: dict[str, str] = json.loads(self.control.read_bytes())
        except (OSError, ValueError):
            return None
        return faults.get(operation)

    def getattr(self, path: str | None, fh: int | None = None) -> dict[str, int]:
        # an open file that was deleted has no path any more
        if path is None and not fh:
            raise mfusepy.FuseOSError(errno.ESTALE)
        facts = os.fstat(fh or -1) if path is None else os.lstat(self._at("getattr", path))
        names = ("mode", "ino", "nlink", "uid", "gid", "size", "blocks")
        found = {f"st_{name}": getattr(facts, f"st_{name}") for name in names}
        return found | {f"st_{name}": getattr(facts, f"st_{name}_ns") for name in ("atime", "mtime", "ctime")}

    def readdir(self, path: str, fh: int) -> Iterable[str]:
        return [".", "..", *os.listdir(self._at("readdir", path))]

    def statfs(self, path: str) -> dict[str, int]:
        facts = os.statvfs(self._at("statfs", path))
        names = ("f_bavail", "f_bfree", "f_blocks", "f_bsize", "f_frsize", "f_files", "f_ffree", "f_namemax")
        return {name: getattr(facts, name) for name in names}

    def mkdir(self, path: str, mode: int) -> int:
        os.mkdir(self._at("mkdir", path), mode)
        return 0

    def rmdir(self, path: str) -> int:
        os.rmdir(self._at("rmdir", path))
        return 0

    def chmod(self, path: str, mode: int) -> int:
        os.chmod(self._at("chmod", path), mode)
        return 0

    def create(self, path: str, mode: int, fi: object = None) -> int:
        return os.open(self._at("create", path), os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)

    def open(self, path: str, flags: int) -> int:
        return os.open(self._at("open", path), flags & (os.O_ACCMODE | os.O_TRUNC))

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        self._meet("read")
        return os.pread(fh, size, offset)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        self._meet("write")
        return os.pwrite(fh, data, offset)

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        os.truncate(self._at("truncate", path) if fh is None else fh, length)
        return 0

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        self._meet("fsync")
        os.fsync(fh)
        return 0

    def release(self, path: str, fh: int) -> int:
        os.close(fh)
        return 0

    def unlink(self, path: str) -> int:
        os.unlink(self._at("unlink", path))
        return 0

    def link(self, target: str, source: str) -> int:
        os.link(self.backing + source, self._at("link", target))
        return 0

    def rename(self, old: str, new: str) -> int:
        os.rename(self.backing + old, self._at("rename", new))
        return 0


def die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, 9)


if __name__ == "__main__":
    die_with_parent()
    mount: Callable[..., object] = mfusepy.FUSE
    mount(
        FaultyFileSystem(sys.argv[1], sys.argv[3]),
        sys.argv[2],
        foreground=True,
        attr_timeout=0,
        entry_timeout=0,
        negative_timeout=0,
        hard_remove=True,
    )
