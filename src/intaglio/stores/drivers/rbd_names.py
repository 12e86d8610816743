"""What images are called while they are not, or no more, objects of the store; none of these names is a key.

An upload writes an image of its own, which is renamed to the key when it is whole. A deletion begins with a renaming,
too, so that no new reader finds what is being removed.
"""

import contextlib
import threading
from collections.abc import Sequence

from intaglio.stores.drivers.rbd_pool import Pool

UPLOAD = ".intaglio-upload-"
DELETED = ".intaglio-deleted."
_SLOTS = 4


def uploads(key: str) -> Sequence[str]:
    """What the uploads under way for one key are called: few names, so that those of dead writers are found at once."""
    return [f"{UPLOAD}{slot}.{key}" for slot in range(_SLOTS)]


def deleted(key: str, identity: str) -> str:
    """What the image of that id is called once its key is free."""
    return f"{DELETED}{identity}.{key}"


def key_of_deleted(name: str) -> str:
    """The key it had."""
    return name.removeprefix(DELETED).partition(".")[2]


def move(pool: Pool, name: str, to: str) -> None:
    """Rename an image, also when an earlier attempt got half-way: then both names lead to it.

    Raises OSError, FileExistsError when the name is another image's.
    """
    settle(pool, name, to)
    with contextlib.suppress(FileNotFoundError):  # settled the other way
        pool.rename(name, to)
        return
    if pool.identity(to) is None:
        raise FileNotFoundError(2, "No such image")


def settle(pool: Pool, one: str, other: str) -> None:
    """Of two names that lead to the same image, let the one stay which the pool's own list has."""
    identity = pool.identity(one)
    if identity is not None and identity == pool.identity(other):
        pool.forget_name(one if other in pool.names() else other)


class Claims:
    """The names of images that this process is writing, for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: set[str] = set()

    def take(self, name: str) -> bool:
        """Whether nobody had it; now it is taken."""
        with self._lock:
            if name in self._names:
                return False
            self._names.add(name)
            return True

    def give(self, name: str) -> None:
        """It is free again."""
        with self._lock:
            self._names.discard(name)

    def __contains__(self, name: str) -> bool:
        return name in self._names
