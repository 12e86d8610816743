"""Which of a file store's directories takes a new object, and which one has an object."""

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from intaglio.stores.base import Full, Space, Unmounted
from intaglio.stores.drivers.file_faults import absent, unmounted
from intaglio.stores.drivers.file_marks import require_mark
from intaglio.stores.drivers.file_places import Place


def choose(store: str, among: Sequence[Place], size_hint: int | None) -> Place:
    """The directory for a new object: highest priority, then most free space, of those where `size_hint` fits.

    With one directory there is no choice, and a hint, which may be wrong, refuses nothing. Blocks.
    Raises `Full` when it fits nowhere, `Unmounted` when no directory is there.
    """
    if len(among) == 1:
        require_mark(store, among[0])
        return among[0]
    free = {place: room for place in among if (room := _free(store, place)) is not None}
    if not free:
        raise unmounted(store)
    fitting = [place for place in free if free[place] >= (size_hint or 0)]
    if not fitting:
        raise Full(f"store {store!r} has no directory with {size_hint} bytes free")
    return max(fitting, key=lambda place: (place.priority, free[place]))


def _free(store: str, place: Place) -> int | None:
    try:
        require_mark(store, place)
        facts = os.statvfs(place.path)
    except (OSError, Unmounted):
        return None  # a directory that is gone takes nothing; the others may
    return facts.f_bavail * facts.f_frsize


def room(store: str, among: Sequence[Place]) -> Space:
    """What all directories have and could take; those on one file system count once. Blocks. Raises OSError."""
    disks: dict[int, os.statvfs_result] = {}
    for place in among:
        require_mark(store, place)
        disks[place.path.stat().st_dev] = os.statvfs(place.path)
    sizes = [(facts.f_blocks * facts.f_frsize, facts.f_bavail * facts.f_frsize) for facts in disks.values()]
    free = [free for _, free in sizes]
    return Space(size=sum(size for size, _ in sizes), free=sum(free), most=max(free))


def find(store: str, among: Sequence[Place], key: str) -> tuple[Place, os.stat_result]:
    """The directory that has the object, and its facts. Blocks.

    Raises `NotFound` only when every directory was there to be asked; else `Unmounted` or the OSError met.
    """
    trouble: Exception | None = None
    for place in among:
        try:
            facts = Path(place.file(key)).stat()
        except OSError as error:
            trouble = error if error.errno != errno.ENOENT else _why_not_there(store, place) or trouble
            continue
        if stat.S_ISREG(facts.st_mode):
            return place, facts
    raise trouble or absent(store, key)


def _why_not_there(store: str, place: Place) -> Exception | None:
    """Why nothing can be said of what is not in this directory."""
    try:
        require_mark(store, place)
    except (OSError, Unmounted) as error:
        return error
    return None if place.path.is_dir() else unmounted(store)
