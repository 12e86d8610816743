"""One pool of a Ceph cluster and the images in it, as blocking calls for threads. They raise OSError.

What they know of RBD's own objects: `rbd_id.<name>` holds the id of the image of that name, and `rbd_directory` is in
every pool that ever had an image.
"""

import ctypes
import errno
import hashlib
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self

from intaglio.stores.base import Space
from intaglio.stores.drivers import rbd_library
from intaglio.stores.drivers.rbd_library import Ceph
from intaglio.stores.drivers.rbd_options import RbdOptions

_LAYERING = 1
_DIRECTORY = b"rbd_directory"
_ID_LENGTH = 256


class Image:
    """An open image. It is a watcher of its own header, so nobody can remove what is being read or written."""

    def __init__(self, ceph: Ceph, handle: ctypes.c_void_p) -> None:
        self._ceph = ceph
        self._handle = handle

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is None:
            self.close()
        else:
            with suppress(OSError):  # the one under way says more
                self.close()

    @property
    def identity(self) -> str:
        """RBD's own name of the image, which a renaming leaves as it is."""
        return self._ceph.text("rbd_get_id", self._handle, length=_ID_LENGTH)

    @property
    def size(self) -> int:
        found = ctypes.c_uint64()
        self._ceph.call("rbd_get_size", self._handle, ctypes.byref(found))
        return found.value

    @property
    def age(self) -> float:
        """Seconds since it was made, by the clocks of both machines."""
        return time.time() - self._moment("rbd_get_create_timestamp")

    @property
    def modified(self) -> float:
        """When it was written to, to about a minute, or made; seconds since the epoch by the clock of who did it."""
        return max(self._moment("rbd_get_create_timestamp"), self._moment("rbd_get_modify_timestamp"))

    def _moment(self, which: str) -> float:
        found = rbd_library.Timespec()
        self._ceph.call(which, self._handle, ctypes.byref(found))
        return float(found.seconds)

    @property
    def others(self) -> int:
        """How many more have it open."""
        return (
            len(self._ceph.items("rbd_watchers_list", "rbd_watchers_list_cleanup", rbd_library.Watcher, self._handle))
            - 1
        )

    def read(self, offset: int, length: int) -> bytearray:
        """The bytes; fewer where the image ends."""
        buffer = bytearray(length)
        target = (ctypes.c_char * length).from_buffer(buffer)
        read = self._ceph.call("rbd_read", self._handle, offset, length, target)
        del target
        if read < length:
            del buffer[read:]
        return buffer

    def write(self, offset: int, data: memoryview) -> None:
        """Write all of a writable buffer; it is in the cluster's hands when this returns."""
        source = (ctypes.c_char * len(data)).from_buffer(data)
        self._ceph.call("rbd_write", self._handle, offset, len(data), source)

    def resize(self, size: int) -> None:
        self._ceph.call("rbd_resize", self._handle, size)

    def flush(self) -> None:
        self._ceph.call("rbd_flush", self._handle)

    def snapshots(self) -> list[str]:
        return [snapshot["name"] for snapshot in self._snapshots()]

    def snapshot_id(self, name: str) -> int:
        """The number that the cluster gave a snapshot. Raises FileNotFoundError."""
        for snapshot in self._snapshots():
            if snapshot["name"] == name:
                return int(snapshot["id"])
        raise FileNotFoundError(errno.ENOENT, name)

    def _snapshots(self) -> list[dict[str, Any]]:
        return self._ceph.items("rbd_snap_list", "rbd_snap_list_end", rbd_library.SnapInfo, self._handle)

    def take_snapshot(self, name: str) -> None:
        """Make a protected snapshot."""
        self._ceph.call("rbd_snap_create", self._handle, name.encode())
        self._ceph.call("rbd_snap_protect", self._handle, name.encode())

    def drop_snapshot(self, name: str) -> None:
        """Remove a snapshot. Raises OSError (EBUSY) while there are clones of it; it is then as it was."""
        protected = ctypes.c_int()
        self._ceph.call("rbd_snap_is_protected", self._handle, name.encode(), ctypes.byref(protected))
        if protected.value:
            self._ceph.call("rbd_snap_unprotect", self._handle, name.encode())
        self._ceph.call("rbd_snap_remove", self._handle, name.encode())

    def close(self) -> None:
        handle, self._handle = self._handle, ctypes.c_void_p()
        if handle.value:
            self._ceph.call("rbd_close", handle)


class Pool:
    """A connection to the cluster, and the pool; `close` when nothing uses it any more."""

    def __init__(self, chosen: RbdOptions) -> None:
        """Connect. Raises OSError whose text says what could not be done where that is not plain from the number."""
        self._ceph = rbd_library.load()
        self._patience = chosen.patience
        self._trash_is_there = False
        self._cluster, self._context = ctypes.c_void_p(), ctypes.c_void_p()
        user = chosen.rbd_store_user.encode() if chosen.rbd_store_user else None
        self._ceph.call("rados_create", ctypes.byref(self._cluster), user)
        try:
            self._configure(chosen)
            self._connect(chosen.rbd_store_user or "admin")
            self.fsid = self._ceph.text("rados_cluster_fsid", self._cluster)
            self._open(chosen.rbd_store_pool)
        except BaseException:
            self.close()
            raise
        self._features = self._ceph.text("rados_conf_get", self._cluster, b"rbd_default_features")

    def _configure(self, chosen: RbdOptions) -> None:
        path = chosen.rbd_store_ceph_conf
        try:
            self._ceph.call("rados_conf_read_file", self._cluster, path.encode() if path else None)
        except OSError as error:
            where = f"the file {path} of rbd_store_ceph_conf" if path else "a ceph.conf"
            raise OSError(f"{where} cannot be read: {error.strerror}") from error
        for name, value in {
            "client_mount_timeout": f"{chosen.connecting:g}",
            "rados_mon_op_timeout": f"{chosen.connecting:g}",
            "rados_osd_op_timeout": f"{chosen.patience:g}",
            # A client that gives up before it asks the monitors where a silent OSD is now never learns it.
            "objecter_timeout": f"{min(10, chosen.patience / 4):g}",
            "objecter_tick_interval": f"{min(5, chosen.patience / 8):g}",
            "rbd_cache": "false",  # an error then belongs to the write that met it
        }.items():
            self._ceph.call("rados_conf_set", self._cluster, name.encode(), value.encode())

    def _connect(self, user: str) -> None:
        try:
            self._ceph.call("rados_connect", self._cluster)
        except (FileNotFoundError, PermissionError) as error:
            why = "its key was not found" if isinstance(error, FileNotFoundError) else "its key is wrong"
            raise PermissionError(
                errno.EACCES, f"the cluster does not know client.{user}, or {why}; see rbd_store_user and the keyring"
            ) from error

    def _open(self, name: str) -> None:
        try:
            self._ceph.call("rados_ioctx_create", self._cluster, name.encode(), ctypes.byref(self._context))
        except FileNotFoundError as error:
            raise OSError(f"the cluster has no pool {name!r}, which rbd_store_pool names") from error
        # Without this, whoever writes to a full pool waits until somebody makes room.
        self._ceph.call("rados_set_pool_full_try", self._context)

    def probe(self) -> None:
        """Meet the errors that a use of the pool would meet."""
        with suppress(FileNotFoundError):  # no image was ever made here
            self._ceph.call("rados_stat", self._context, _DIRECTORY, None, None)

    def space(self) -> Space:
        """The room in the whole cluster, as it counts it: copies of everything included."""
        found = rbd_library.ClusterStat()
        self._ceph.call("rados_cluster_stat", self._cluster, ctypes.byref(found))
        free = int(found.free) << 10
        return Space(size=int(found.size) << 10, free=free, most=free)

    def identity(self, name: str) -> str | None:
        """The id of the image of that name, if there is one."""
        buffer = ctypes.create_string_buffer(_ID_LENGTH)
        try:
            length = self._ceph.call("rados_read", self._context, _id_object(name), buffer, _ID_LENGTH, 0)
        except FileNotFoundError:
            return None
        return buffer.raw[4:length].decode()  # after its length

    def forget_name(self, name: str) -> None:
        """Take away a name that an interrupted renaming left."""
        self._ceph.call("rados_remove", self._context, _id_object(name))

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Be the only one of all machines in a block of that name; the lock of somebody who died ends by itself.

        Raises BlockingIOError (EAGAIN) when others are in it for long.
        """
        lock, cookie, end = _lock_name(name), uuid.uuid4().hex.encode(), time.monotonic() + self._patience
        duration = ctypes.byref(rbd_library.Timeval(int(2 * self._patience) + 1, 0))
        while True:
            try:
                self._ceph.call("rados_lock_exclusive", self._context, _DIRECTORY, lock, cookie, b"", duration, 0)
                break
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise
                if time.monotonic() > end:
                    raise BlockingIOError(errno.EAGAIN, "others are at work on it") from error
                time.sleep(0.02)
        try:
            yield
        finally:
            with suppress(OSError):  # it ends by itself
                self._ceph.call("rados_unlock", self._context, _DIRECTORY, lock, cookie)

    def create(self, name: str, size: int, order: int) -> None:
        """A new image with the cluster's default features, as Glance makes them: at least one can be cloned."""
        if not self._trash_is_there:  # removing an image needs it, and a full pool has no room to make it
            self._ceph.call("rados_write", self._context, b"rbd_trash", b"", 0, 0)
            self._trash_is_there = True
        chosen = ctypes.c_void_p()
        self._ceph.call("rbd_image_options_create", ctypes.byref(chosen))
        try:
            self._ceph.call("rbd_image_options_set_uint64", chosen, rbd_library.OPTION_ORDER, order)
            if self._features == "0":
                self._ceph.call("rbd_image_options_set_uint64", chosen, rbd_library.OPTION_FEATURES, _LAYERING)
            self._ceph.call("rbd_create4", self._context, name.encode(), size, chosen)
        finally:
            self._ceph.call("rbd_image_options_destroy", chosen)

    def open(self, name: str, snapshot: str | None = None) -> Image:
        """The image, or its snapshot. Raises FileNotFoundError."""
        return self._opened("rbd_open", name, snapshot)

    def look(self, name: str, snapshot: str | None = None) -> Image:
        """The same for a glance at it: without watching it, which is quicker."""
        return self._opened("rbd_open_read_only", name, snapshot)

    def open_trashed(self, identity: str) -> Image:
        """An image in the trash, by its id."""
        return self._opened("rbd_open_by_id", identity, None)

    def _opened(self, how: str, name: str, snapshot: str | None) -> Image:
        handle = ctypes.c_void_p()
        self._ceph.call(how, self._context, name.encode(), ctypes.byref(handle), snapshot and snapshot.encode())
        return Image(self._ceph, handle)

    def rename(self, name: str, to: str) -> None:
        """Raises FileExistsError, but not when somebody else gives an image the same name in this very moment."""
        self._ceph.call("rbd_rename", self._context, name.encode(), to.encode())

    def remove(self, name: str) -> None:
        """Raises OSError: EBUSY while somebody has it open, ENOTEMPTY while it has snapshots."""
        self._ceph.call("rbd_remove", self._context, name.encode())

    def names(self) -> list[str]:
        """Of all images but those in the trash."""
        found = self._ceph.items("rbd_list2", "rbd_image_spec_list_cleanup", rbd_library.ImageSpec, self._context)
        return [image["name"] for image in found]

    def trash(self) -> dict[str, str]:
        """The former names of the images in the trash, by id."""
        found = self._ceph.items("rbd_trash_list", "rbd_trash_list_cleanup", rbd_library.TrashInfo, self._context)
        return {image["id"]: image["name"] for image in found}

    def discard(self, name: str) -> None:
        """Move an image to the trash. Raises OSError (EBUSY) while somebody has it open."""
        self._ceph.call("rbd_trash_move", self._context, name.encode(), 0)

    def remove_trashed(self, identity: str) -> None:
        """As `remove`."""
        self._ceph.call("rbd_trash_remove", self._context, identity.encode(), False)  # noqa: FBT003 - C has no keywords

    def close(self) -> None:
        if self._context.value:
            self._ceph.call("rados_ioctx_destroy", self._context)
        self._ceph.call("rados_shutdown", self._cluster)


def _id_object(name: str) -> bytes:
    return b"rbd_id." + name.encode()


def _lock_name(name: str) -> bytes:
    """Short whatever the name is: it is part of the name of an attribute."""
    return b"intaglio." + hashlib.sha256(name.encode()).hexdigest()[:32].encode()


class Link:
    """The connection of one store: made when it is first needed, made anew after a failure; for several threads."""

    def __init__(self, chosen: RbdOptions) -> None:
        self._chosen = chosen
        self._lock = threading.Lock()
        self._connecting = threading.Lock()
        self._pool: Pool | None = None
        self._users: dict[Pool, int] = {}
        self._failure: tuple[float, OSError] | None = None
        self.fsid: str | None = None

    @contextmanager
    def pool(self) -> Iterator[Pool]:
        """The pool, for one call. Raises OSError."""
        pool = self.take()
        try:
            with self.watched(pool):
                yield pool
        finally:
            self.give(pool)

    @contextmanager
    def watched(self, pool: Pool) -> Iterator[None]:
        """Notice a connection that is shut out for good (ESHUTDOWN): what comes next gets another one."""
        try:
            yield
        except OSError as error:
            if error.errno == errno.ESHUTDOWN:
                self.retire(pool)
            raise

    def take(self) -> Pool:
        """The pool, until it is given back. Raises OSError."""
        begun = time.monotonic()
        while True:
            with self._lock:
                if self._pool is not None:
                    self._users[self._pool] += 1
                    return self._pool
            self._connect(begun)

    def give(self, pool: Pool) -> None:
        """Back; a retired connection ends with its last user."""
        with self._lock:
            self._users[pool] -= 1
            ended = self._users[pool] == 0 and pool is not self._pool
            if ended:
                del self._users[pool]
        if ended:
            pool.close()

    def retire(self, pool: Pool | None = None) -> None:
        """Use the connection no more, if it is (still) this one."""
        with self._lock:
            old = self._pool
            if old is None or (pool is not None and pool is not old):
                return
            self._pool = None
            unused = self._users[old] == 0
            if unused:
                del self._users[old]
        if unused:
            old.close()

    def _connect(self, since: float) -> None:
        with self._connecting:
            if self._pool is not None:
                return
            if self._failure is not None and self._failure[0] >= since:
                raise self._failure[1]  # somebody else has just tried
            try:
                pool = Pool(self._chosen)
            except OSError as error:
                self._failure = time.monotonic(), error
                raise
            with self._lock:
                self._pool, self._users[pool], self.fsid = pool, 0, pool.fsid
