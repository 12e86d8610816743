"""What an error of Ceph means to a user of the RBD store."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from intaglio.stores.base import Broken, Busy, Denied, Exists, Full, NotFound, StoreError

_KINDS: dict[int, type[StoreError]] = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), Full),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), Denied),
    **dict.fromkeys((errno.ETIMEDOUT, errno.EBUSY, errno.EAGAIN, errno.ENOTCONN, errno.ESHUTDOWN, errno.ENOMEM), Busy),
}
_WORDS: dict[int, str] = {
    errno.ETIMEDOUT: "the cluster did not answer in time",
    errno.ENOSPC: "the cluster or the pool is full",
    errno.EDQUOT: "the quota of the pool is used up",
    errno.EPERM: "the Ceph user's capabilities do not allow it",
    errno.EBUSY: "somebody has the image open",
    errno.ESHUTDOWN: "the cluster has shut this client out",
}


@contextmanager
def explained(store: str, doing: str) -> Iterator[None]:
    """Turn any OSError inside into the StoreError it means, naming the store and what failed."""
    try:
        yield
    except OSError as error:
        number = error.errno or 0
        words = error.strerror or str(error)
        if number and words == os.strerror(number):  # nobody has said it better yet
            words = _WORDS.get(number, words)
        raise _KINDS.get(number, Broken)(f"store {store!r} could not {doing}: {words}") from error


def absent(store: str, key: str) -> NotFound:
    return NotFound(f"store {store!r} has no object {key}")


def present(store: str, key: str) -> Exists:
    return Exists(f"store {store!r} has an object {key} already; delete it first or use another key")
