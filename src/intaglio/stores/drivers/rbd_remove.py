"""Removing images that are no objects of the store any more, as far as those who still use them allow.

Calls are blocking ones for threads, and raise OSError.
"""

import contextlib
import enum
import errno

from intaglio.stores.drivers.rbd_names import DELETED, UPLOAD
from intaglio.stores.drivers.rbd_options import SNAPSHOT
from intaglio.stores.drivers.rbd_pool import Image, Pool


class Outcome(enum.Enum):
    """What became of an image."""

    GONE = "gone"
    OPEN = "open"  # somebody reads it, or writes: it stays as it is
    KEPT = "kept"  # there are clones, or snapshots of others: it is in the trash until they are gone


def erase(pool: Pool, name: str) -> Outcome:
    """Remove an image of that name."""
    bare = True
    with contextlib.suppress(FileNotFoundError), pool.open(name) as image:  # a broken one has a name and no header
        if image.others:
            return Outcome.OPEN
        bare = _strip(image)
    try:
        if bare:
            pool.remove(name)
        else:
            pool.discard(name)
    except FileNotFoundError:
        return Outcome.GONE
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return Outcome.OPEN
    return Outcome.GONE if bare else Outcome.KEPT


def remove_in_place(pool: Pool, name: str) -> bool:
    """Remove an image under its own name, for a pool so full that not even a renaming fits in; whether that was right.

    It was not when somebody has it open, or there are clones.
    """
    with pool.open(name) as image:
        if image.others or not _strip(image):
            return False
    pool.remove(name)
    return True


def erase_trashed(pool: Pool, identity: str) -> Outcome:
    """Remove an image from the trash, now that its clones may be gone."""
    try:
        with contextlib.suppress(FileNotFoundError), pool.open_trashed(identity) as image:
            if image.others:
                return Outcome.OPEN
            if not _strip(image):
                return Outcome.KEPT
        pool.remove_trashed(identity)
    except FileNotFoundError:
        return Outcome.GONE
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return Outcome.OPEN
    return Outcome.GONE


def _strip(image: Image) -> bool:
    """Remove the store's snapshot; whether there is none left."""
    if SNAPSHOT in image.snapshots():
        try:
            image.drop_snapshot(SNAPSHOT)
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            return False
    return not image.snapshots()


def unfinished(pool: Pool, grace: float) -> tuple[list[str], list[str]]:
    """Names of images, and ids of images in the trash, that a dead writer or an unfinished deletion left.

    Images of uploads count when they were made `grace` seconds ago; `erase` spares those that somebody has open.
    """
    names = [
        name
        for name in pool.names()
        if name.startswith(DELETED) or (name.startswith(UPLOAD) and _is_older(pool, name, grace))
    ]
    return names, [identity for identity, name in pool.trash().items() if name.startswith((UPLOAD, DELETED))]


def _is_older(pool: Pool, name: str, grace: float) -> bool:
    try:
        with pool.look(name) as image:
            return image.age > grace
    except FileNotFoundError:  # gone, or so broken that nobody can be writing it
        return pool.identity(name) is not None
