"""The mark in each data directory: a file with an identity, without which the directory is taken for a mount point.

Where a share is not mounted there is a directory all the same, and it is empty: whoever writes to it fills the wrong
disk, and whoever believes it takes images for lost. Every function blocks.
"""

import contextlib
import os
import secrets
from pathlib import Path

import msgspec

from intaglio.stores.base import Unmounted
from intaglio.stores.drivers.file_faults import unmounted
from intaglio.stores.drivers.file_places import Place, sync_directory

MARK = ".intaglio-store"
"""Hidden, so that neither Glance nor a listing takes it for an image."""
_NOTE = "Intaglio writes to this directory only while this file is in it."


class _Mark(msgspec.Struct):
    identity: str
    store: str = ""
    note: str = _NOTE


def read_mark(store: str, place: Place) -> str | None:
    """The identity in a directory. Raises OSError, `Unmounted` when there is no directory."""
    try:
        text = (place.path / MARK).read_bytes()
    except FileNotFoundError:
        if not place.path.is_dir():
            raise unmounted(store) from None
        return None
    try:
        return msgspec.json.decode(text, type=_Mark).identity
    except msgspec.MsgspecError:
        return None  # cut off, or somebody else's


def write_mark(store: str, place: Place, identity: str, *, anew: bool) -> str:
    """Write a mark that appears whole or not at all; the identity that is there then. Raises OSError, `Unmounted`."""
    mark, private = place.path / MARK, place.path / f"{MARK}.{secrets.token_hex(8)}"
    text = msgspec.json.format(msgspec.json.encode(_Mark(identity, store)), indent=2) + b"\n"
    try:
        descriptor = os.open(private, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644)
    except FileNotFoundError:
        raise unmounted(store) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if anew or not _linked(private, mark):
            private.replace(mark)
    finally:
        private.unlink(missing_ok=True)
    sync_directory(place.path)
    return read_mark(store, place) or identity


def _linked(private: Path, mark: Path) -> bool:
    """Whether the mark is there now, this one or an earlier one; False where a file system has no second names."""
    with contextlib.suppress(FileExistsError):
        try:
            os.link(private, mark)
        except FileExistsError:
            raise
        except OSError:
            return mark.exists()
    return True


def require_mark(store: str, place: Place) -> None:
    """Raise `Unmounted`, which says why, unless the directory is the one that was set up."""
    if not place.guarded:
        return
    found = read_mark(store, place)
    if found is not None and found == place.identity:
        return
    if place.identity is None:
        raise Unmounted(f"store {store!r} is not set up yet, and takes nothing until it is: see the service's log")
    if found is None:
        raise Unmounted(
            f"store {store!r} can only be read: the mark written at its set-up is not in its directory; is its "
            "file system mounted?"
        )
    raise Unmounted(f"store {store!r} can only be read: its directory has the mark of another store")
