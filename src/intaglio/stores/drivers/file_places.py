"""The directories of a file store: its options under Glance's names, which directory takes an object, which has it."""

import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import msgspec

from intaglio.stores.base import Misconfigured

HIDDEN = ".intaglio"
"""The directory inside each data directory where unfinished files and locks live when they need a name."""

PIECE = 1024 * 1024


class FileOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Glance's options of the file store. `filesystem_store_file_perm` is the mode itself (0o640), 0 leaves the umask.

    `filesystem_store_chunk_size` is the piece read at once (1 MiB when not set, at most that) and the block that thin
    provisioning looks at (64 KiB when not set). `filesystem_store_timeout` (seconds) bounds every single call to the
    file system, not only Glance's three; 0 means `LIMIT`, because a hang for ever is never what is meant.
    `filesystem_store_thread_pool_size` bounds all calls. `filesystem_store_threadpool_threshold` has no effect: a pool
    that does all the work is often busy, and that says nothing; one that is stuck refuses with `Busy`.
    """

    filesystem_store_datadir: str | None = None
    filesystem_store_datadirs: tuple[str, ...] = ()
    filesystem_store_metadata_file: str | None = None
    filesystem_store_file_perm: Annotated[int, msgspec.Meta(ge=0, le=0o7777)] = 0
    filesystem_store_chunk_size: Annotated[int, msgspec.Meta(ge=1)] | None = None
    filesystem_thin_provisioning: bool = False
    filesystem_store_timeout: Annotated[int, msgspec.Meta(ge=0)] = 0
    filesystem_store_thread_pool_size: Annotated[int, msgspec.Meta(ge=1)] = 10
    filesystem_store_threadpool_threshold: Annotated[int, msgspec.Meta(ge=0, le=100)] = 75


LIMIT = 300.0  # seconds for one call: hard NFS mounts retry for minutes and then heal
DEFAULT_DIRECTORY = "/var/lib/glance/images"


class Place:
    """One data directory. `text` is it as the operator wrote it, which is how it appears in location URIs."""

    def __init__(self, text: str, priority: int, metadata: Mapping[str, str]) -> None:
        self.text = text
        self.path = Path(os.path.normpath(text))
        self.priority = priority
        self.metadata = metadata
        self.unnamed = True  # until the file system says that it cannot make files without a name
        self.guarded = False  # whether its mark counts
        self.identity: str | None = None  # what its mark must say; None until it is set up

    def file(self, key: str) -> str:
        """The path of an object, as in its URI."""
        return os.path.join(self.text, key)  # noqa: PTH118 - a Path would rewrite the operator's text


def options(store: str, given: Mapping[str, object]) -> FileOptions:
    """The options, checked; raises `Misconfigured` naming the option."""
    try:
        chosen = msgspec.convert(dict(given), FileOptions, strict=False)
    except msgspec.ValidationError as error:
        raise Misconfigured(f"store {store!r} (type file): {error}") from error
    if chosen.filesystem_store_datadir and chosen.filesystem_store_datadirs:
        raise Misconfigured(f"store {store!r}: set filesystem_store_datadir or filesystem_store_datadirs, not both")
    if chosen.filesystem_store_file_perm and not chosen.filesystem_store_file_perm & stat.S_IRUSR:
        raise Misconfigured(
            f"store {store!r}: filesystem_store_file_perm {chosen.filesystem_store_file_perm:o} would keep the service "
            "itself from reading; it needs the owner's read bit (0400)"
        )
    return chosen


def places(store: str, chosen: FileOptions) -> tuple[Place, ...]:
    """The directories, best priority first. Reads the metadata file. Raises `Misconfigured`."""
    entries = chosen.filesystem_store_datadirs or (chosen.filesystem_store_datadir or DEFAULT_DIRECTORY,)
    found: dict[Path, Place] = {}
    mounts = _mounts(store, chosen.filesystem_store_metadata_file)
    for entry in entries:
        text, priority = _priority(store, entry) if chosen.filesystem_store_datadirs else (entry, 0)
        if not text.startswith("/"):
            raise Misconfigured(f"store {store!r}: the directory {text!r} must be an absolute path")
        place = Place(text, priority, _metadata(text, mounts))
        if place.path in found and found[place.path].priority != priority:
            raise Misconfigured(f"store {store!r}: the directory {text} is given with two priorities")
        found.setdefault(place.path, place)
    return tuple(sorted(found.values(), key=lambda place: -place.priority))


def _priority(store: str, entry: str) -> tuple[str, int]:
    text, colon, number = entry.rpartition(":")
    if not colon:
        return entry, 0
    if not number.isascii() or not number.isdigit():
        raise Misconfigured(f"store {store!r}: {entry!r} in filesystem_store_datadirs is not path:priority")
    return text, int(number)


class _Mount(msgspec.Struct, frozen=True):
    id: str
    mountpoint: str


def _mounts(store: str, file: str | None) -> Sequence[_Mount]:
    if file is None:
        return ()
    try:
        read = msgspec.json.decode(Path(file).read_bytes(), type=_Mount | tuple[_Mount, ...])
    except (OSError, msgspec.MsgspecError) as error:
        raise Misconfigured(
            f"store {store!r}: filesystem_store_metadata_file {file} must hold JSON, an object or an array of objects "
            f"with the texts id and mountpoint: {error}"
        ) from error
    return (read,) if isinstance(read, _Mount) else read


def _metadata(text: str, mounts: Sequence[_Mount]) -> Mapping[str, str]:
    path = Path(os.path.normpath(text))
    for mount in mounts:
        if path.is_relative_to(os.path.normpath(mount.mountpoint)):
            return {"id": mount.id, "mountpoint": mount.mountpoint}
    return {}


def make(place: Place, file_perm: int) -> None:
    """Make the directory when it is missing, and let those reach files whom `file_perm` lets read them. Blocks."""
    if not place.path.is_dir():
        place.path.mkdir(parents=True, exist_ok=True)
        sync_directory(place.path.parent)
    passing = (file_perm & 0o060 and stat.S_IXGRP) | (file_perm & 0o006 and stat.S_IXOTH)
    mode = stat.S_IMODE(place.path.stat().st_mode)
    if passing & ~mode:
        place.path.chmod(mode | passing)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable. Blocks."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
