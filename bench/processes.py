"""What a tree of processes has used: processor time and resident memory, read from /proc."""

import dataclasses
import os
import threading
import time
from pathlib import Path
from typing import Self

TICK = os.sysconf("SC_CLK_TCK")
_SCHEDULED = 2  # the part of clock_getcpuclockid(3) that Python lacks: the clock of another process, as scheduled
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclasses.dataclass(frozen=True)
class Stat:
    """One line of /proc/PID/stat, as far as it is needed here. Times in seconds, memory in bytes."""

    pid: int
    name: str
    parent: int
    cpu: float
    children_cpu: float
    resident: int


def parse_stat(line: str) -> Stat:
    """Read a line of /proc/PID/stat; a program's name may hold spaces and brackets."""
    head, _, tail = line.rpartition(")")
    pid, _, name = head.partition(" (")
    fields = tail.split()  # fields[0] is the third of proc(5), the state
    ticks = [int(fields[number - 3]) for number in (14, 15, 16, 17)]
    return Stat(
        pid=int(pid),
        name=name,
        parent=int(fields[4 - 3]),
        cpu=(ticks[0] + ticks[1]) / TICK,
        children_cpu=(ticks[2] + ticks[3]) / TICK,
        resident=int(fields[24 - 3]) * PAGE,
    )


def tree(root: int) -> list[Stat]:
    """The process `root` and all that descend from it, at this moment."""
    everyone: dict[int, Stat] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            stat = parse_stat(path.read_text())
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended between listing and reading
        everyone[stat.pid] = stat
    found = [everyone[root]] if root in everyone else []
    for parent in found:  # grows while it is walked
        found.extend(stat for stat in everyone.values() if stat.parent == parent.pid)
    return found


def own_cpu_seconds(stat: Stat) -> float:
    """Processor time of one process with all its threads, by its own clock in nanoseconds.

    /proc counts in hundredths, too coarse for a server that spends ten of them on a gigabyte.
    """
    clock = (~stat.pid << 3) | _SCHEDULED
    try:
        return time.clock_gettime_ns(clock) / 1e9
    except OSError:  # it ended in this moment
        return stat.cpu


def cpu_seconds(root: int) -> float:
    """Processor time of the tree since it started, with that of descendants which ended and were waited for."""
    return sum(own_cpu_seconds(stat) + stat.children_cpu for stat in tree(root))


class PeakMemory:
    """Within `with`, watches the resident memory of every process of a tree; `peaks` is bytes by pid."""

    def __init__(self, root: int, every: float = 0.1) -> None:
        self.peaks: dict[int, int] = {}
        self._root = root
        self._every = every
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def look(self) -> None:
        for stat in tree(self._root):
            self.peaks[stat.pid] = max(self.peaks.get(stat.pid, 0), stat.resident)

    def _watch(self) -> None:
        while not self._done.is_set():
            self.look()
            time.sleep(self._every)

    def __enter__(self) -> Self:
        self.look()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
