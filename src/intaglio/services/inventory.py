"""What the database says lies where: every copy of every image by store and key, and how much each store holds."""

from collections.abc import AsyncIterator, Callable
from functools import partial

import msgspec

from intaglio.db.repos import copies as copy_rows
from intaglio.db.repos.copies import Copy
from intaglio.domain.status import Status
from intaglio.services.parts import Parts
from intaglio.stores.base import StoreError

UNKNOWN = ""
"""Stands for the store of a location that no configured store holds."""

Told = Callable[[str, int], None]
"""Hears of progress: what is being done, and by how much it got further (objects, copies or bytes)."""


def silent(what: str, more: int) -> None:
    """Tells nobody."""


class Placed(msgspec.Struct, frozen=True):
    """A copy, and the store and key that its location comes to; `UNKNOWN` and no key where none does."""

    copy: Copy
    store_id: str
    key: str


async def placed(parts: Parts, *, image_id: str | None = None, after: int = 0) -> AsyncIterator[Placed]:
    """Every recorded copy, or those of one image, behind the location of the number `after`."""
    while True:
        page = await parts.database.read(partial(copy_rows.page, after=after, image_id=image_id))
        for copy in page:
            yield place(parts, copy)
        if len(page) < copy_rows.PAGE:
            return
        after = page[-1].location.id or 0


def place(parts: Parts, copy: Copy) -> Placed:
    """Where a copy is."""
    try:
        store_id, _, key = parts.stores.for_location(copy.location.uri, copy.location.metadata)
    except StoreError:
        return Placed(copy, UNKNOWN, "")
    return Placed(copy, store_id, key)


class StoreUse(msgspec.Struct, kw_only=True):
    """How much of a store the images take, by the database; `kept` is of deleted ones whose data are kept."""

    store_id: str
    copies: int = 0
    bytes: int = 0
    kept_copies: int = 0
    kept_bytes: int = 0


async def usage(parts: Parts, told: Told = silent) -> list[StoreUse]:
    """The use of every store, in the order of the configuration; behind them what is in none of them."""
    found = {store_id: StoreUse(store_id=store_id) for store_id in parts.stores}
    async for each in placed(parts):
        use = found.setdefault(each.store_id, StoreUse(store_id=each.store_id))
        size = max(each.copy.size or 0, 0)
        if each.copy.status is Status.PENDING_DELETE:
            use.kept_copies += 1
            use.kept_bytes += size
        else:
            use.copies += 1
            use.bytes += size
        told("counting copies", 1)
    return list(found.values())
