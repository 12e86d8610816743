"""What an OSError of the file system means to a user of the file store."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from intaglio.stores.base import Broken, Busy, Denied, Exists, Full, NotFound, StoreError, Unmounted

_KINDS: dict[int, type[StoreError]] = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), Full),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), Denied),
    **dict.fromkeys((errno.EAGAIN, errno.EBUSY, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ETIMEDOUT), Busy),
}


@contextmanager
def explained(store: str, doing: str) -> Iterator[None]:
    """Turn any OSError inside into the StoreError it means, naming the store and what failed.

    The text has no path: users see it. The OSError, which has one, is the cause.
    """
    try:
        yield
    except OSError as error:
        kind = _KINDS.get(error.errno or 0, Broken)
        raise kind(f"store {store!r} could not {doing}: {error.strerror or error}") from error


def absent(store: str, key: str) -> NotFound:
    return NotFound(f"store {store!r} has no object {key}")


def present(store: str, key: str) -> Exists:
    return Exists(f"store {store!r} has an object {key} already; delete it first or use another key")


def unmounted(store: str) -> Unmounted:
    """Its directory itself is missing: not the same as an object that is absent."""
    return Unmounted(f"store {store!r} has lost its directory: is the file system mounted?")
