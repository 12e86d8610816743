"""Writing one file so that it is private until complete and durable when it has its name. Every method blocks."""

import contextlib
import ctypes
import errno
import fcntl
import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

from intaglio.stores.base import Broken, Buffer, Busy, is_hole
from intaglio.stores.drivers.file_faults import present, unmounted
from intaglio.stores.drivers.file_marks import require_mark
from intaglio.stores.drivers.file_places import HIDDEN, PIECE, Place, sync_directory

_libc = ctypes.CDLL(None, use_errno=True)
_WAIT_BEFORE, _START, _WAIT_AFTER = 1, 2, 4  # SYNC_FILE_RANGE_*
_RENAME_NOREPLACE = 1
_AT_FDCWD = -100

_STRIDE = 16 * PIECE
"""Write-back starts every so many bytes, and waits for the stride before the last: at most three strides are ever
dirty, so that the closing fsync is short, and an upload does not push everything else out of the page cache."""

_MANY = 1000  # below IOV_MAX
_ZEROS = bytes(PIECE)
_NO_UNNAMED = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOSYS)
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_NOT_BEST_EFFORT = (errno.ENOSYS, errno.EINVAL, errno.ESPIPE, errno.EOPNOTSUPP)


class Writer:
    """One new object, from `create` over `write` and `publish` to `release`, in threads, one call at a time."""

    def __init__(self, store: str, key: str, *, thin_block: int | None, file_perm: int) -> None:
        self.size = 0
        self.confirmed = False
        """Set by the caller once it knows of the success; `release` takes back whatever was not confirmed."""
        self.abandoned = False
        """Set by a caller that waits no longer: what has no name yet then gets none."""
        self._store, self._key = store, key
        self._thin_block = thin_block
        self._file_perm = file_perm
        self._fd = -1
        self._name: Path | None = None  # while it has a private one
        self._published: Path | None = None
        self._flushing = self._flushed = 0

    def create(self, place: Place) -> None:
        """Make the private file. Raises OSError, `Broken`."""
        self._place = place
        self._final = place.path / self._key
        try:
            if place.unnamed and self._create_unnamed():
                return
            self._create_named()
        except FileNotFoundError as error:
            raise unmounted(self._store) from error

    def write(self, buffers: Sequence[Buffer]) -> None:
        """Append the buffers. Raises OSError."""
        if self._thin_block is None:
            self._write_around_holes(buffers)
        else:
            self._write_thin([memoryview(buffer).cast("B") for buffer in buffers], self._thin_block)
        if self.size - self._flushing >= _STRIDE:
            self._start_flushing()

    def publish(self, others: Sequence[Place] = ()) -> int:
        """Make it durable and give it its name, unless that is taken here or in `others`; the size in bytes.

        Raises OSError, `Exists`, `Busy`.
        """
        os.ftruncate(self._fd, self.size)  # a hole at the end leaves no other trace
        if self._file_perm:
            os.fchmod(self._fd, self._file_perm)
        self.flush()
        if self.abandoned:
            raise Busy(f"store {self._store!r} made an object durable when nobody waited for it any more")
        self._facts = os.fstat(self._fd)
        with self._alone(others):
            require_mark(self._store, self._place)
            for other in others:
                if os.path.lexists(other.file(self._key)):
                    raise present(self._store, self._key)
            try:
                self._give_name()
            except FileExistsError as error:
                raise present(self._store, self._key) from error
            except FileNotFoundError as error:
                raise unmounted(self._store) from error
        sync_directory(self._place.path)
        self._close()  # where NFS tells of the errors it kept to itself
        return self.size

    def flush(self) -> None:
        """Wait until the data is on the medium. Raises OSError."""
        os.fsync(self._fd)

    def release(self) -> None:
        """Close; without `confirmed` nothing remains. Raises nothing: nobody could do anything about it."""
        with contextlib.suppress(OSError):
            if self._published is not None and not self.confirmed:
                self._take_back(self._published)
        with contextlib.suppress(OSError):
            if self._name is not None:
                self._name.unlink()
        with contextlib.suppress(OSError):
            self._close()

    def _close(self) -> None:
        descriptor, self._fd = self._fd, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _create_unnamed(self) -> bool:
        try:
            self._fd = os.open(self._place.path, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o666)
        except OSError as error:
            if error.errno not in _NO_UNNAMED:
                raise
            self._place.unnamed = False
            return False
        if os.path.lexists(_as_path(self._fd)):
            return True
        os.close(self._fd)  # without /proc it could not be named later
        self._fd = -1
        self._place.unnamed = False
        return False

    def _create_named(self) -> None:
        """A file in the hidden directory, locked for as long as its writer lives: that is what `sweep` looks at."""
        directory = hidden(self._place)
        for _ in range(100):
            name = directory / f"{self._key[:200]}.{secrets.token_hex(8)}"
            self._fd = os.open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o666)
            self._name = name
            with contextlib.suppress(BlockingIOError):  # a sweep found it before it was locked
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(self._fd).st_nlink:
                    return
            os.close(self._fd)
            self._fd = -1
        raise Busy(f"store {self._store!r} is being swept without end")

    def _write_run(self, views: list[memoryview], offset: int) -> None:
        views = [view for view in views if len(view)]
        while views:
            written = os.pwritev(self._fd, views[:_MANY], offset)
            if not written:
                raise OSError(errno.EIO, "the file system takes nothing and says nothing")
            offset += written
            done = 0
            while done < len(views) and written >= len(views[done]):
                written -= len(views[done])
                done += 1
            views = views[done:]
            if written:
                views[0] = views[0][written:]

    def _write_around_holes(self, buffers: Sequence[Buffer]) -> None:
        """Write all but what is known to be a hole."""
        run: list[memoryview] = []
        begin = self.size
        for buffer in buffers:
            view = memoryview(buffer).cast("B")
            self.size += len(view)
            if is_hole(buffer):
                self._write_run(run, begin)
                run, begin = [], self.size
            else:
                run.append(view)
        self._write_run(run, begin)

    def _write_thin(self, views: list[memoryview], block: int) -> None:
        """Write what is not zero. Blocks are those of the file; a part of one counts for itself."""
        run: list[memoryview] = []
        begin = self.size
        for part in _blocks(views, self.size, block):
            if _ZEROS.startswith(part):  # memcmp(3), without a copy
                self._write_run(run, begin)
                run = []
                self.size += len(part)
                begin = self.size
            else:
                run.append(part)
                self.size += len(part)
        self._write_run(run, begin)

    def _start_flushing(self) -> None:
        """Have the newest stride written, and wait for the one before: the stream takes the disk's pace by itself."""
        if self._flushing > self._flushed:
            waiting = _WAIT_BEFORE | _START | _WAIT_AFTER
            self._sync_range(self._flushed, self._flushing, waiting)
            self._flushed = self._flushing
        self._sync_range(self._flushing, self.size, _START)
        self._flushing = self.size

    def _sync_range(self, begin: int, end: int, how: int) -> None:
        length = ctypes.c_int64(end - begin)
        if _libc.sync_file_range(self._fd, ctypes.c_int64(begin), length, how):
            number = ctypes.get_errno()
            if number not in _NOT_BEST_EFFORT:  # it takes the error away from fsync, so it may not be lost here
                raise OSError(number, os.strerror(number))

    def _give_name(self) -> None:
        directory = os.open(self._place.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            if self._name is None:
                # With a directory descriptor Python calls linkat(2), which can follow /proc's link to the file.
                os.link(_as_path(self._fd), self._key, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=True)
                self._published = self._final
            else:
                self._name_named(self._name, directory)
        except OSError as error:
            if self._name is None and (error.errno in _NO_LINKS or _still_there(error, self._place)):
                self._place.unnamed = False
                raise Busy(f"store {self._store!r} cannot name unnamed files; the next attempt does without") from error
            raise
        finally:
            os.close(directory)

    def _name_named(self, name: Path, directory: int) -> None:
        try:
            os.link(name, self._key, dst_dir_fd=directory)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            _rename_exclusively(name, self._final, self._store)
            self._published = self._final
        else:
            self._published = self._final
            name.unlink()
        self._name = None

    def _take_back(self, path: Path) -> None:
        """Remove the name, if it is still this file's: size and time of the last write tell.

        Inode numbers do not: on FUSE each name of a file may have its own.
        """
        mine, there = self._facts, path.lstat()
        if (mine.st_size, mine.st_mtime_ns) == (there.st_size, there.st_mtime_ns):
            path.unlink()
            sync_directory(path.parent)

    @contextlib.contextmanager
    def _alone(self, others: Sequence[Place]) -> Iterator[None]:
        """With several directories, publish one object at a time: no single name guards the key then."""
        if not others:
            yield
            return
        there = [place for place in (self._place, *others) if place.path.is_dir()]
        first = min(there, key=lambda place: (-place.priority, place.path), default=self._place)
        lock = os.open(hidden(first) / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def hidden(place: Place) -> Path:
    """The hidden directory, made when it is missing; its data directory never is."""
    path = place.path / HIDDEN
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    return path


def sweep(place: Place) -> int:
    """Remove the private files whose writer is gone: nobody holds their lock. Blocks. Raises OSError."""
    removed = 0
    directory = place.path / HIDDEN
    try:
        names = [entry for entry in directory.iterdir() if entry.name != "lock"]
    except FileNotFoundError:
        return 0
    for name in names:
        with contextlib.suppress(FileNotFoundError):  # finished meanwhile
            removed += _remove_if_dead(name)
    return removed


def _remove_if_dead(name: Path) -> bool:
    descriptor = os.open(name, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        name.unlink()
        return True
    finally:
        os.close(descriptor)


def _blocks(views: Sequence[memoryview], offset: int, block: int) -> Iterator[memoryview]:
    """The views cut at multiples of `block` in the file."""
    for view in views:
        begin = 0
        while begin < len(view):
            end = min(len(view), begin + block - offset % block)
            yield view[begin:end]
            offset += end - begin
            begin = end


def _still_there(error: OSError, place: Place) -> bool:
    """Whether ENOENT meant the unnamed file, which this file system gives no name, and not the directory."""
    return error.errno == errno.ENOENT and place.path.is_dir()


def _as_path(descriptor: int) -> str:
    return f"/proc/self/fd/{descriptor}"


def _rename_exclusively(name: Path, final: Path, store: str) -> None:
    """For file systems without hard links: the name moves, and only where nothing is."""
    if not _libc.renameat2(_AT_FDCWD, os.fsencode(name), _AT_FDCWD, os.fsencode(final), _RENAME_NOREPLACE):
        return
    number = ctypes.get_errno()
    if number in (errno.EINVAL, errno.ENOSYS):
        raise Broken(
            f"store {store!r}: its file system has neither hard links nor exclusive renames, "
            "without which an object cannot appear complete"
        )
    raise OSError(number, os.strerror(number), str(final))
