"""Transactions that read an image and change it, while others may do the same."""

from intaglio.db.base import T, Work
from intaglio.db.repos.images import Superseded
from intaglio.services.parts import Parts

_ATTEMPTS = 5


async def guarded_write(parts: Parts, work: Work[T]) -> T:
    """Run `work` in a transaction, and again from the start when another request changed the image in between.

    So a change that depends on what was read is decided anew on what is there. Raises `Superseded` when others were
    faster each time, or what `work` raises.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return await parts.database.write(work)
        except Superseded:
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError
