"""Real file systems to fill up, forbid and break: tmpfs, ext4 in a file, and FUSE. They need root."""

import contextlib
import fcntl
import json
import os
import signal
import struct
import subprocess
from collections.abc import Iterator
from ctypes.util import find_library
from pathlib import Path

from tests.starters.base import Missing, debian, process, wait_until
from tests.starters.environments import environment

_EXT4_SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32)
_NO_LOG_FLUSH = 2


@contextlib.contextmanager
def mounted(target: Path, *arguments: str | Path) -> Iterator[Path]:
    """`mount ARGUMENTS TARGET` until the block ends. Raises `Missing` where mounting is not allowed."""
    target.mkdir(parents=True, exist_ok=True)
    what = f"mounting {arguments[1]}"
    if os.geteuid() != 0:
        raise Missing(f"{what}: needs root")
    command = ["mount", *map(str, arguments), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"{what}: {done.stderr.partition(chr(10))[0].rpartition(': ')[2]}")
    try:
        yield target
    finally:
        subprocess.run(["umount", "--lazy", str(target)], check=True)


@contextlib.contextmanager
def tmpfs(target: Path, options: str) -> Iterator[Path]:
    """A file system in memory, with limits as tmpfs(5) has them: `size=4m,nr_inodes=10`."""
    with mounted(target, "-t", "tmpfs", "-o", options, "tmpfs") as directory:
        yield directory


def remount(directory: Path, how: str) -> None:
    """Make it `ro` or `rw`."""
    subprocess.run(["mount", "-o", f"remount,{how}", str(directory)], check=True)


@contextlib.contextmanager
def ext4(target: Path, mebibytes: int) -> Iterator[Path]:
    """A real ext4 in a file of this size, through a loop device."""
    debian(["e2fsprogs"], "an ext4 file system", provides=["mkfs.ext4"])
    disk = target.with_suffix(".ext4")
    with disk.open("wb") as file:
        file.truncate(mebibytes * 1024 * 1024)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(disk)], check=True)
    with mounted(target, "-t", "ext4", "-o", "loop", disk) as directory:
        yield directory


def shut_down(directory: Path) -> None:
    """What a dying disk does to an ext4: from now on every access is an I/O error."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.ioctl(descriptor, _EXT4_SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
    finally:
        os.close(descriptor)


class Faulty:
    """A FUSE file system and the faults it has at the moment."""

    def __init__(self, work: Path) -> None:
        self.directory = work / "mnt"
        self.control = work / "faults.json"
        self.server = 0
        self._faults: dict[str, str] = {}

    def fail(self, operation: str, how: str) -> None:
        """From now on `operation` (of FUSE: write, create…) fails with the errno named, hangs ("hang") or is "slow"."""
        self._set({**self._faults, operation: how})

    def heal(self) -> None:
        """No more faults; what hung goes on."""
        self._set({})

    def hanging(self) -> bool:
        """Whether something has hung, or was slow, since the start."""
        return self.control.with_suffix(".hanging").exists()

    def die(self) -> None:
        """The server is gone; the mount stays."""
        os.kill(self.server, signal.SIGKILL)

    def _set(self, faults: dict[str, str]) -> None:
        self._faults = faults
        new = self.control.with_suffix(".new")
        new.write_text(json.dumps(faults))
        new.replace(self.control)


@contextlib.contextmanager
def faulty(work: Path) -> Iterator[Faulty]:
    """A FUSE file system that fails on command, mounted under `work`. Raises `Missing`."""
    if os.geteuid() != 0 or not os.access("/dev/fuse", os.R_OK | os.W_OK):
        raise Missing("FUSE: needs root and /dev/fuse")
    if find_library("fuse3") is None:
        debian(["fuse3"], "a FUSE file system that fails on command", provides=["fusermount3"])
    python = environment("fuse") / "python"
    system = Faulty(work)
    system.directory.mkdir(parents=True)
    (work / "backing").mkdir()
    script = Path(__file__).with_name("faulty_fs.py")
    command = [python, script, work / "backing", system.directory, system.control]
    env = os.environ | {"FUSE_LIBRARY_NAME": "fuse3"}  # where there is libfuse2 too, which knows less of renaming
    with process(command, log=work / "fuse.log", env=env, stop=signal.SIGKILL) as server:
        try:
            wait_until(lambda: server.poll() is not None or system.directory.is_mount(), "the FUSE file system")
            if server.poll() is not None:
                raise Missing(
                    f"FUSE: the server ended: {(work / 'fuse.log').read_text().strip().rpartition(chr(10))[2]}"
                )
            system.server = server.pid
            yield system
        finally:
            system.heal()
            subprocess.run(["umount", "--lazy", str(system.directory)], check=False, capture_output=True)
