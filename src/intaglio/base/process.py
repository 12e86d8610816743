"""Names a process so that others on the same machine can tell for certain that it is no more."""

import os
from pathlib import Path


def this_process() -> str:
    """A name for this process: machine boot, process namespace, process id and start time. Unique for ever."""
    return f"{_scope()}:{os.getpid()}:{_start_time(os.getpid())}"


def is_dead(name: str) -> bool:
    """Whether the process that `this_process` named has ended; False for one that cannot be seen from here."""
    scope, _, process = name.rpartition(":")[0].rpartition(":")
    start = name.rpartition(":")[2]
    if not process.isdigit() or not scope:
        return False
    boot, _, namespace = scope.partition(":")
    own_boot, _, own_namespace = _scope().partition(":")
    if namespace != own_namespace or boot != own_boot:
        return False
    return _start_time(int(process)) != start


def _scope() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}:{Path('/proc/self/ns/pid').stat().st_ino}"


def _start_time(pid: int) -> str:
    """In clock ticks since boot: field 22 of proc(5)'s stat, counted behind the name, which may hold anything."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in {"Z", "X"} else fields[19]
