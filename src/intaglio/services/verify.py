"""Reading stored copies back and comparing them with the digests on record. Nothing is ever changed by that."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from contextlib import aclosing
from enum import StrEnum

import msgspec

from intaglio.db.repos import copies as copy_rows
from intaglio.domain.status import Status
from intaglio.ingest.base import NotAsStored
from intaglio.services.delivery import digest_of
from intaglio.services.inventory import UNKNOWN, Placed, Told, placed, silent
from intaglio.services.parts import Parts
from intaglio.stores.base import NotFound, StoreError


class Outcome(StrEnum):
    """What a copy is found to be."""

    GOOD = "good"
    BAD = "bad"  # other bytes, or another number of them, or none
    UNREADABLE = "unreadable"  # the store does not say
    UNPROVEN = "unproven"  # as long as it should be, and there is no digest to compare with


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What is found out of one copy. `location` is the number of its row; copies come in their order."""

    location: int
    image_id: str
    store_id: str
    outcome: Outcome
    reason: str = ""

    @property
    def fine(self) -> bool:
        return self.outcome in {Outcome.GOOD, Outcome.UNPROVEN}


class Pace:
    """Lets bytes through at no more than so many a second, over all copies; None is as fast as they come."""

    def __init__(self, bytes_per_second: float | None) -> None:
        self._rate = bytes_per_second
        self._began = time.monotonic()
        self._passed = 0

    async def passed(self, number: int) -> None:
        """Wait until so many more bytes may have passed."""
        self._passed += number
        if self._rate is not None:
            await asyncio.sleep(max(0.0, self._began + self._passed / self._rate - time.monotonic()))


async def verify(
    parts: Parts,
    *,
    image_id: str | None = None,
    stores: Collection[str] = (),
    after: int = 0,
    bytes_per_second: float | None = None,
    told: Told = silent,
) -> AsyncIterator[Verdict]:
    """Read copies of images that are in use: all, or those of an image, in all stores or in some.

    Those of the locations up to number `after` are left out. One that goes away meanwhile is passed over.
    """
    pace = Pace(bytes_per_second)
    async for each in placed(parts, image_id=image_id, after=after):
        wanted = not stores or each.store_id in stores
        if wanted and each.copy.status in {Status.ACTIVE, Status.DEACTIVATED}:
            outcome, reason = await _look(parts, each, pace, told)
            if outcome in {Outcome.GOOD, Outcome.UNPROVEN} or await _still_there(parts, each):
                yield Verdict(
                    location=each.copy.location.id or 0,
                    image_id=each.copy.image_id,
                    store_id=each.store_id or each.copy.location.store or UNKNOWN,
                    outcome=outcome,
                    reason=reason,
                )


async def _look(parts: Parts, placed: Placed, pace: Pace, told: Told) -> tuple[Outcome, str]:
    if placed.store_id == UNKNOWN:
        return Outcome.UNREADABLE, "no configured store holds its location"
    store, copy = parts.stores[placed.store_id], placed.copy
    try:
        size = (await store.stat(placed.key)).size
        if copy.size is not None and size != copy.size:
            return Outcome.BAD, f"it has {size} bytes where {copy.size} were stored"
        digest = digest_of(copy)
        pieces = store.open(placed.key)
        if digest is not None:
            pieces = parts.door.discharge(pieces, *digest, f"image {copy.image_id} in store {placed.store_id}")
        async with aclosing(pieces):
            async for piece in pieces:
                told(f"image {copy.image_id} in {placed.store_id}", len(piece))
                await pace.passed(len(piece))
    except NotFound:
        return Outcome.BAD, "its object is not there"
    except StoreError as error:
        return Outcome.UNREADABLE, str(error)
    except NotAsStored:
        return Outcome.BAD, "its bytes are not those that were stored"
    return (Outcome.UNPROVEN, "no digest of it is on record") if digest is None else (Outcome.GOOD, "")


async def _still_there(parts: Parts, placed: Placed) -> bool:
    ids = [placed.copy.image_id]
    rows = await parts.database.read(lambda conn: copy_rows.of_images(conn, ids))
    return any(row.location.id == placed.copy.location.id and row.status is placed.copy.status for row in rows)
