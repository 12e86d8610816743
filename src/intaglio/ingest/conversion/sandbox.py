"""Where a tool runs that opens users' data: with limits always, and with as little around it as this machine allows.

It gets no file by name: what it reads and writes are descriptors that it is handed.
"""

import functools
import logging
import os
import shutil
import subprocess
from collections.abc import Sequence
from enum import StrEnum

import msgspec

_log = logging.getLogger(__name__)

_PROBE_SECONDS = 10
_OPEN_FILES = 64
_ENVIRONMENT = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C", "MALLOC_ARENA_MAX": "2"}


class Walls(StrEnum):
    """What is between the tool and the machine, beside the limits."""

    BUBBLEWRAP = "bubblewrap"  # no network, no files but programs and libraries, nobody's user, no other processes
    NAMESPACES = "namespaces"  # no network and no other processes, but files that everybody may read
    NONE = "none"

    @property
    def said(self) -> str:
        """What an operator should know of it; empty when all is well."""
        return _SAID[self]


_SAID = {
    Walls.BUBBLEWRAP: "",
    Walls.NAMESPACES: "qemu-img converts users' data without a file tree of its own here, though without network: "
    "install bubblewrap.",
    Walls.NONE: "qemu-img converts users' data with limits only here, neither cut off from the network nor from files: "
    "install bubblewrap, and allow user namespaces.",
}
_COMMANDS = {
    Walls.BUBBLEWRAP: (
        *("bwrap", "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--cap-drop", "ALL"),
        *("--uid", "65534", "--gid", "65534", "--ro-bind", "/usr", "/usr"),
        *("--ro-bind-try", "/lib", "/lib", "--ro-bind-try", "/lib64", "/lib64", "--ro-bind-try", "/bin", "/bin"),
        *("--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache", "--dev", "/dev", "--proc", "/proc", "--chdir", "/"),
    ),
    Walls.NAMESPACES: ("unshare", "--user", "--net", "--ipc", "--uts", "--pid", "--fork", "--kill-child"),
    Walls.NONE: (),
}


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Of one run: bytes of address space, seconds of processor time, bytes of a file that it writes."""

    memory: int
    seconds: int
    file_size: int = 0


def command(walls: Walls, limits: Limits, words: Sequence[str]) -> list[str]:
    """`words` as they are run within the walls and limits."""
    return [*_prlimit(limits), *_COMMANDS[walls], *words]


def environment() -> dict[str, str]:
    """What the tool sees of ours: nothing."""
    return dict(_ENVIRONMENT)


def missing(program: str) -> list[str]:
    """What this machine lacks to run `program` with limits."""
    return [name for name in (program, "prlimit") if shutil.which(name, path=_ENVIRONMENT["PATH"]) is None]


@functools.cache
def walls() -> Walls:
    """The best that works on this machine, found by trying. Blocks for some hundredths of a second, once."""
    for kind in (Walls.BUBBLEWRAP, Walls.NAMESPACES):
        if _works(kind):
            return kind
    return Walls.NONE


def _works(kind: Walls) -> bool:
    limits = Limits(memory=1 << 30, seconds=_PROBE_SECONDS)
    try:
        done = subprocess.run(  # noqa: S603 - words of ours only
            command(kind, limits, ["true"]),
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_SECONDS,
            check=False,
            cwd=os.sep,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        _log.info("%s does not work here: %s", kind, error)
        return False
    if done.returncode:
        _log.info("%s does not work here: %s", kind, done.stderr.decode(errors="replace").strip()[-200:])
    return not done.returncode


def _prlimit(limits: Limits) -> list[str]:
    return [
        "prlimit",
        f"--as={limits.memory}",
        f"--cpu={limits.seconds}",
        f"--fsize={limits.file_size}",
        f"--nofile={_OPEN_FILES}",
        "--core=0",
    ]
