"""Ceph's C libraries librados and librbd, as far as the RBD store calls them: their signatures, and errors as OSError.

Their interface has been the same for years (librados.so.2, librbd.so.1; what is used here exists since Ceph 15). Every
call may block, releases the interpreter's lock meanwhile, and is made in a thread.
"""

import ctypes
import errno
import functools
import os
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

LIBRARIES: Mapping[str, str] = {"rados": "librados.so.2", "rbd": "librbd.so.1"}

_HANDLE = ctypes.c_void_p
_OUT = ctypes.c_void_p  # where a result is to be written
_TEXT = ctypes.c_char_p
_INT = ctypes.c_int
_U64 = ctypes.c_uint64
_SIZE = ctypes.c_size_t

_SIGNATURES: Mapping[str, Sequence[Any]] = {
    "rados_create": (_OUT, _TEXT),
    "rados_conf_read_file": (_HANDLE, _TEXT),
    "rados_conf_set": (_HANDLE, _TEXT, _TEXT),
    "rados_conf_get": (_HANDLE, _TEXT, _OUT, _SIZE),
    "rados_connect": (_HANDLE,),
    "rados_cluster_fsid": (_HANDLE, _OUT, _SIZE),
    "rados_cluster_stat": (_HANDLE, _OUT),
    "rados_ioctx_create": (_HANDLE, _TEXT, _OUT),
    "rados_read": (_HANDLE, _TEXT, _OUT, _SIZE, _U64),
    "rados_stat": (_HANDLE, _TEXT, _OUT, _OUT),
    "rados_remove": (_HANDLE, _TEXT),
    "rados_write": (_HANDLE, _TEXT, _TEXT, _SIZE, _U64),
    "rados_lock_exclusive": (_HANDLE, _TEXT, _TEXT, _TEXT, _TEXT, _OUT, ctypes.c_uint8),
    "rados_unlock": (_HANDLE, _TEXT, _TEXT, _TEXT),
    "rbd_image_options_set_uint64": (_HANDLE, _INT, _U64),
    "rbd_create4": (_HANDLE, _TEXT, _U64, _HANDLE),
    "rbd_open": (_HANDLE, _TEXT, _OUT, _TEXT),
    "rbd_open_read_only": (_HANDLE, _TEXT, _OUT, _TEXT),
    "rbd_open_by_id": (_HANDLE, _TEXT, _OUT, _TEXT),
    "rbd_close": (_HANDLE,),
    "rbd_read": (_HANDLE, _U64, _SIZE, _OUT),
    "rbd_write": (_HANDLE, _U64, _SIZE, _OUT),
    "rbd_flush": (_HANDLE,),
    "rbd_resize": (_HANDLE, _U64),
    "rbd_get_size": (_HANDLE, _OUT),
    "rbd_get_id": (_HANDLE, _OUT, _SIZE),
    "rbd_get_create_timestamp": (_HANDLE, _OUT),
    "rbd_get_modify_timestamp": (_HANDLE, _OUT),
    "rbd_snap_create": (_HANDLE, _TEXT),
    "rbd_snap_protect": (_HANDLE, _TEXT),
    "rbd_snap_unprotect": (_HANDLE, _TEXT),
    "rbd_snap_is_protected": (_HANDLE, _TEXT, _OUT),
    "rbd_snap_remove": (_HANDLE, _TEXT),
    "rbd_snap_list": (_HANDLE, _OUT, _OUT),
    "rbd_watchers_list": (_HANDLE, _OUT, _OUT),
    "rbd_list2": (_HANDLE, _OUT, _OUT),
    "rbd_rename": (_HANDLE, _TEXT, _TEXT),
    "rbd_remove": (_HANDLE, _TEXT),
    "rbd_trash_move": (_HANDLE, _TEXT, _U64),
    "rbd_trash_list": (_HANDLE, _OUT, _OUT),
    "rbd_trash_remove": (_HANDLE, _TEXT, ctypes.c_bool),
}
_WITHOUT_RESULT: Mapping[str, Sequence[Any]] = {
    "rados_shutdown": (_HANDLE,),
    "rados_ioctx_destroy": (_HANDLE,),
    "rados_set_pool_full_try": (_HANDLE,),
    "rbd_image_options_create": (_OUT,),
    "rbd_image_options_destroy": (_HANDLE,),
    "rbd_snap_list_end": (_OUT,),
    "rbd_watchers_list_cleanup": (_OUT, _SIZE),
    "rbd_image_spec_list_cleanup": (_OUT, _SIZE),
    "rbd_trash_list_cleanup": (_OUT, _SIZE),
}
_LONG = frozenset({"rbd_read", "rbd_write"})  # they answer how many bytes

OPTION_FEATURES = 1
OPTION_ORDER = 2


class ImageSpec(ctypes.Structure):
    """An image by name."""

    _fields_ = (("id", _TEXT), ("name", _TEXT))


class SnapInfo(ctypes.Structure):
    """A snapshot."""

    _fields_ = (("id", _U64), ("size", _U64), ("name", _TEXT))


class Watcher(ctypes.Structure):
    """Somebody who has an image open."""

    _fields_ = (("address", _TEXT), ("id", ctypes.c_int64), ("cookie", _U64))


class TrashInfo(ctypes.Structure):
    """An image in the pool's trash; `name` is what it was called before."""

    _fields_ = (
        ("id", _TEXT),
        ("name", _TEXT),
        ("source", _INT),
        ("deletion_time", ctypes.c_long),
        ("deferment_end_time", ctypes.c_long),
    )


class Timeval(ctypes.Structure):
    """Seconds and microseconds."""

    _fields_ = (("seconds", ctypes.c_long), ("microseconds", ctypes.c_long))


class Timespec(ctypes.Structure):
    """Seconds and nanoseconds since 1970."""

    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class ClusterStat(ctypes.Structure):
    """The room in a cluster, in KiB."""

    _fields_ = (("size", _U64), ("used", _U64), ("free", _U64), ("objects", _U64))


class Ceph:
    """The functions of both libraries by name. Raises OSError while it is made when one is not there."""

    def __init__(self) -> None:
        self._functions: dict[str, Any] = {}
        loaded = {prefix: ctypes.CDLL(name) for prefix, name in LIBRARIES.items()}
        for table, result in ((_SIGNATURES, ctypes.c_int), (_WITHOUT_RESULT, None)):
            for name, arguments in table.items():
                try:
                    function = getattr(loaded[name.partition("_")[0]], name)
                except AttributeError as error:
                    raise OSError(f"{LIBRARIES[name.partition('_')[0]]} is too old: it has no {name}") from error
                function.argtypes = arguments
                function.restype = ctypes.c_ssize_t if name in _LONG else result
                self._functions[name] = function

    def call(self, name: str, *arguments: object) -> int:
        """What the function answers. Raises the OSError of a negative answer."""
        answer: int | None = self._functions[name](*arguments)
        if answer is not None and answer < 0:
            raise OSError(-answer, os.strerror(-answer), None)
        return answer or 0

    def text(self, name: str, handle: object, *arguments: object, length: int = 256) -> str:
        """The text that a function writes into a buffer whose length is its last argument."""
        buffer = ctypes.create_string_buffer(length)
        self.call(name, handle, *arguments, buffer, length)
        return buffer.value.decode()

    def items(self, name: str, cleanup: str, item: type[Any], handle: object) -> list[Any]:
        """The items of a list that a function writes if there is room for all, and otherwise tells how many.

        They hold pointers that are freed by `cleanup`, which is called here: so texts are copied.
        """
        room = 64
        while True:
            found, number = (item * room)(), _SIZE(room)  # an int where it is snapshots that are counted
            try:
                self.call(name, handle, found, ctypes.byref(number))
            except OSError as error:
                if error.errno != errno.ERANGE or number.value <= room:
                    raise
                room = number.value
            else:
                return self._taken(found, number.value, cleanup)

    def _taken(self, found: Any, number: int, cleanup: str) -> list[Any]:
        snapshots = cleanup == "rbd_snap_list_end"  # which end where the name is missing
        try:
            used = takewhile(lambda each: each.name, found) if snapshots else found[:number]
            return [_copied(each) for each in used]
        finally:
            self.call(cleanup, found, *(() if snapshots else (number,)))


def _copied(item: Any) -> dict[str, Any]:
    return {
        name: value.decode() if isinstance(value := getattr(item, name), bytes) else value for name, _ in item._fields_
    }


@functools.cache
def load() -> Ceph:
    """The libraries, loaded once. Raises OSError when they are not installed or too old."""
    try:
        return Ceph()
    except OSError as error:
        needed = " and ".join(LIBRARIES.values())
        raise OSError(f"it needs {needed} of Ceph 15 or later, as the package librbd1 brings them: {error}") from error
