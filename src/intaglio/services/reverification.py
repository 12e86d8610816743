"""Reading every stored copy back from time to time: an image of which other bytes are found is taken out of use.

One worker at a time does so, copy by copy in the order of their numbers; how far it is stands in the database, so that
whoever comes next goes on there. What is compared, and how, is `verify`'s.
"""

import asyncio
import contextlib
import logging
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from datetime import timedelta
from functools import partial

from msgspec.structs import replace

from intaglio.base.clock import utcnow
from intaglio.base.errors import IntaglioError
from intaglio.base.metrics import Family, product
from intaglio.db.base import Connection
from intaglio.db.repos import images, receipts, rounds, tasks
from intaglio.db.repos.receipts import Digests
from intaglio.db.repos.rounds import Round
from intaglio.domain.image import Image
from intaglio.domain.status import Status
from intaglio.domain.task import Task, TaskStatus, TaskType
from intaglio.services.guarded import guarded_write
from intaglio.services.parts import Parts
from intaglio.services.verify import Outcome, Verdict, verify

_log = logging.getLogger(__name__)

NAME = "copies"
METHOD = "verify"
"""The method of the tasks that say why an image was deactivated; no request can name it."""
VERIFIED = "intaglio_copies_verified_total"
_NOWHERE = "none"  # the store of a copy that no configured store holds
_RENEW_SECONDS = 5
_SHOWN_HOURS = 720  # for so long the task is kept at least
_MIB = 1 << 20


def families(stores: Iterable[str]) -> tuple[Family, ...]:
    """What is counted of it."""
    outcomes = tuple(outcome.value for outcome in Outcome)
    ids = (*stores, _NOWHERE)
    return (
        Family(VERIFIED, "Copies read back on schedule, by outcome.", ("store", "outcome"), product(ids, outcomes)),
    )


class Reverification:
    """One worker's part in it."""

    def __init__(self, parts: Parts, *, days: float, mebibytes_per_second: float) -> None:
        self._parts = parts
        self._every = timedelta(days=days)
        self._rate = mebibytes_per_second * _MIB

    async def tend(self) -> None:
        """Go on with the round that is due, to its end; return at once when none is, or another is at work on it."""
        database = self._parts.database
        mine = await database.write(lambda conn: rounds.take(conn, NAME, self._parts.holder, utcnow(), self._every))
        if mine is None:
            return
        _log.info("reading back stored copies, from the one behind number %d", mine.after)
        own = _Own(self._parts, mine)
        async with own.held():
            await self._walk(own)
        if not own.lost:
            await own.note(replace(own.round, ended_at=utcnow()))
            _log.info("all %d stored copies were read back, %d were wrong", own.round.copies, own.round.wrong)

    async def _walk(self, own: "_Own") -> None:
        copies = verify(self._parts, after=own.round.after, bytes_per_second=self._rate)
        async with aclosing(copies):
            async for verdict in copies:
                if own.lost:
                    return
                await self._judge(verdict)
                wrong = own.round.wrong + (not verdict.fine)
                after = replace(own.round, after=verdict.location, copies=own.round.copies + 1, wrong=wrong)
                await own.note(after)

    async def _judge(self, verdict: Verdict) -> None:
        counts = self._parts.counts
        store = verdict.store_id if verdict.store_id in self._parts.stores else _NOWHERE
        counts.add(counts.place(VERIFIED, store, verdict.outcome.value))
        if verdict.outcome is Outcome.GOOD:
            await self._parts.database.write(partial(_proven, image_id=verdict.image_id))
            return
        if verdict.outcome is not Outcome.BAD:
            _log.warning("image %s in store %s: %s", verdict.image_id, verdict.store_id, verdict.reason)
            return
        taken = not verdict.gone and await guarded_write(self._parts, partial(_deactivate, self._parts, verdict))
        said = "the image was deactivated" if taken else "the image stays as it is"
        _log.error("bad copy of image %s in store %s: %s; %s", verdict.image_id, verdict.store_id, verdict.reason, said)


class _Own:
    """A round that this worker holds, as long as it is not lost to another one."""

    def __init__(self, parts: Parts, mine: Round) -> None:
        self._parts = parts
        self.round = mine
        self.lost = False

    async def note(self, now: Round) -> None:
        """Note how far it is."""
        self.round = now
        if not await self._parts.database.write(lambda conn: rounds.renew(conn, now, utcnow())):
            self.lost = True
            _log.info("another worker reads back stored copies now")

    @contextlib.asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Say now and then that this worker is alive: one copy may take hours."""
        beating = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beating

    async def _beat(self) -> None:
        while not self.lost:
            await asyncio.sleep(_RENEW_SECONDS)
            try:
                await self.note(self.round)
            except IntaglioError as error:
                _log.warning("how far the reading back of copies is could not be noted: %s", error)


async def _proven(conn: Connection, *, image_id: str) -> None:
    """Have a receipt say that the digests, which were only on record, are those of the bytes."""
    known = await receipts.find(conn, image_id)
    if known is not None and known.digests is not Digests.COMPUTED:
        await receipts.note(conn, image_id, Digests.COMPUTED)


async def _deactivate(parts: Parts, verdict: Verdict, conn: Connection) -> bool:
    """Take the image out of use and note why, if it still has that copy; False when it is out of use already."""
    image = await images.get(conn, verdict.image_id)
    if image is None or image.status is not Status.ACTIVE:
        return False
    if verdict.location not in {location.id for location in image.locations}:
        return False
    await images.transition(conn, image.id, Status.ACTIVE, Status.DEACTIVATED)
    await tasks.insert_task(conn, _said(parts, image, verdict))
    return True


def _said(parts: Parts, image: Image, verdict: Verdict) -> Task:
    """A task that has failed: that is where owners and administrators look for what went wrong with an image."""
    now = utcnow()
    hours = max(_SHOWN_HOURS, parts.task_settings.task_time_to_live)
    message = (
        f"The copy in store {verdict.store_id} was read back: {verdict.reason}. The image was deactivated: nobody but "
        "an administrator reads its data until it is reactivated."
    )
    request = {"method": {"name": METHOD}, "stores": [verdict.store_id]}
    return Task(
        id=str(uuid.uuid4()),
        type=TaskType.API_IMAGE_IMPORT,
        status=TaskStatus.FAILURE,
        owner=image.owner or "",
        created_at=now,
        updated_at=now,
        expires_at=now + timedelta(hours=hours),
        image_id=image.id,
        input={"image_id": image.id, "import_req": request, "backend": [verdict.store_id]},
        message=message,
    )
