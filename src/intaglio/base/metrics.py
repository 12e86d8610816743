"""Numbers that several processes count together, in a file that each of them maps, and their text for Prometheus.

Each process adds to a row of its own, without locks; who is asked sums the rows. A row outlives its process: the next
one goes on with it, so that what is summed never shrinks.
"""

import fcntl
import hashlib
import logging
import mmap
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

_log = logging.getLogger(__name__)

ROWS = 256
"""Processes of one machine that count at the same time."""
_MAGIC = b"intaglio metrics 1"
_HEADER = 4096
_NUMBER = 8  # bytes


class Family(msgspec.Struct, frozen=True):
    """One metric. `series` are all values that its labels ever have: they are known before anything is counted."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    series: tuple[tuple[str, ...], ...] = ((),)


class Counts:
    """Counters by family and labels. Until `share` they are this process's alone."""

    def __init__(self, families: Iterable[Family] = ()) -> None:
        self._families = tuple(families)
        every = [(family.name, labels) for family in self._families for labels in family.series]
        self._places = {each: place for place, each in enumerate(every)}
        self._row = memoryview(bytearray(max(1, len(every)) * _NUMBER)).cast("d")
        self._all = self._row
        self._map: mmap.mmap | None = None
        self._file = -1

    def place(self, family: str, *labels: str) -> int:
        """Where a series is counted. Raises KeyError for one that no family has."""
        return self._places[family, labels]

    def has(self, family: str) -> bool:
        """Whether anything of that family is counted."""
        return any(each.name == family for each in self._families)

    def add(self, place: int, amount: float = 1.0) -> None:
        """Count."""
        self._row[place] += amount

    def total(self, place: int) -> float:
        """The sum over all processes."""
        width = len(self._row)
        return sum(self._all[place::width]) if width else 0.0

    def share(self, file: Path) -> None:
        """From now on count together with all who share the file. Never raises: alone one counts, too."""
        try:
            self._share(file)
        except OSError as error:
            _log.warning("metrics are counted by this process alone: %s: %s", file, error.strerror)

    def close(self) -> None:
        """Leave the row to another process; what is counted from now on is not kept."""
        if self._map is None:
            return
        mapped, self._map = self._map, None
        shared, everything = self._row, self._all
        self._row = self._all = memoryview(bytearray(len(shared) * _NUMBER)).cast("d")
        shared.release()
        everything.release()
        mapped.close()
        os.close(self._file)

    def text(self) -> Iterator[str]:
        """The lines of all families."""
        for family in self._families:
            found = {labels: self.total(self._places[family.name, labels]) for labels in family.series}
            yield from lines(family, "counter", found)

    def _share(self, file: Path) -> None:
        size = _HEADER + ROWS * len(self._row) * _NUMBER
        with _locked(file):
            self._file = _opened(file, self._header(), size)
            row = _claimed(self._file)
        if row is None:
            os.close(self._file)
            _log.warning("metrics are counted by this process alone: %d others count in %s", ROWS, file)
            return
        self._map = mmap.mmap(self._file, size)
        with memoryview(self._map) as whole:
            numbers = whole[_HEADER:].cast("d")
        begin, before = row * len(self._row), self._row
        self._all, self._row = numbers, numbers[begin : begin + len(before)]
        for place, counted in enumerate(before):
            self._row[place] += counted

    def _header(self) -> bytes:
        """What says that a file counts the same series in the same places."""
        return _MAGIC + hashlib.sha256(repr(tuple(self._places)).encode()).digest()


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Be the only one who looks for a row."""
    lock = os.open(file.with_name(f"{file.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _opened(file: Path, header: bytes, size: int) -> int:
    """The file, made anew when it is of other series: who still counts in the old one keeps that."""
    with suppress(FileNotFoundError):
        found = os.open(file, os.O_RDWR | os.O_CLOEXEC)
        if os.fstat(found).st_size == size and os.pread(found, len(header), 0) == header:
            return found
        os.close(found)
    new = file.with_name(f"{file.name}.new")
    made = os.open(new, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    os.ftruncate(made, size)
    os.pwrite(made, header, 0)
    new.rename(file)
    return made


def _claimed(descriptor: int) -> int | None:
    """The first row that no living process has; the kernel gives a dead one's back."""
    for row in range(ROWS):
        with suppress(BlockingIOError, PermissionError):
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, row)
            return row
    return None


def lines(family: Family, kind: str, values: Mapping[tuple[str, ...], float]) -> Iterator[str]:
    """A family in Prometheus' text format; nothing of one without values."""
    if not values:
        return
    yield f"# HELP {family.name} {family.help}\n"
    yield f"# TYPE {family.name} {kind}\n"
    for labels, value in values.items():
        pairs = ",".join(f'{name}="{_escaped(text)}"' for name, text in zip(family.labels, labels, strict=True))
        yield f"{family.name}{f'{{{pairs}}}' if pairs else ''} {_number(value)}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def product(*values: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Every combination of labels."""
    found: list[tuple[str, ...]] = [()]
    for each in values:
        found = [(*before, value) for before in found for value in each]
    return tuple(found)
