"""Writing receipts: what the service knows of an image's bytes, signed by its own key, for proof without the service.

A change of an image only notes that a receipt is due. A worker writes it a moment later, from what is on record, and
tries again when that fails; so nothing that happens to images waits for a receipt, and none is forgotten.
"""

import asyncio
import hashlib
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial

import msgspec

from intaglio.base.clock import utcnow
from intaglio.base.errors import IntaglioError
from intaglio.db.base import Connection
from intaglio.db.repos import images, receipts, verdicts
from intaglio.db.repos.receipts import Digests, Due, Receipt
from intaglio.domain.image import Image, Location
from intaglio.domain.receipts import PAYLOAD_TYPE, Facts, Inspected, Stored, known_digests, mark, statement
from intaglio.domain.signatures import evidence_of
from intaglio.services.copies import by_weight
from intaglio.services.parts import Parts
from intaglio.services.receipts import IN_USE
from intaglio.signatures import dsse
from intaglio.stores.base import Identified, StoreError

_log = logging.getLogger(__name__)

_AT_ONCE = 50
_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 600.0
_STORE_SECONDS = 10.0
_ENOUGH = 8  # attempts to learn from a store what it names an object by


class Receipts:
    """Writes what is due: one for each worker."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def tend(self) -> int:
        """Write all receipts that are due now; how many that were."""
        written = 0
        while (number := await self._some()) is not None:
            written += number
        return written

    async def _some(self) -> int | None:
        """Write some; None when none is due."""
        now = utcnow()
        database = self._parts.database
        if not await database.read(lambda conn: receipts.waiting(conn, now)):
            return None
        written = 0
        taken = await database.write(lambda conn: receipts.take(conn, now, _AT_ONCE))
        for due in taken:
            try:
                written += await write(self._parts, due)
            except IntaglioError as error:
                await self._put_off(due, str(error))
            except Exception as error:  # noqa: BLE001 - one image must not keep all others from getting theirs
                _log.exception("the receipt of image %s was not written because of a defect", due.image_id)
                await self._put_off(due, type(error).__name__)
        return written

    async def _put_off(self, due: Due, error: str) -> None:
        until = utcnow() + pause_after(due.attempts)
        await self._parts.database.write(lambda conn: receipts.put_off(conn, due, error, until))
        _log.log(
            logging.WARNING if due.attempts else logging.INFO,
            "the receipt of image %s is written later (attempt %d): %s",
            due.image_id,
            due.attempts + 1,
            error,
        )


class _Seen(msgspec.Struct, frozen=True):
    image: Image
    before: Receipt | None
    inspected: Inspected | None
    certificates: dict[str, str]


async def write(parts: Parts, due: Due) -> bool:
    """Write an image's receipt, if there is to be one, and if it would say something new; whether it was written.

    Raises `ServiceKeyUnusable`, and what the database raises.
    """
    seen = await parts.database.read(partial(_look, image_id=due.image_id))
    if seen is None or not parts.receipts.write:
        await parts.database.write(lambda conn: receipts.settle(conn, due))
        return False
    stored = await _stored(parts, seen.image)
    key = await parts.own_key.current()
    facts = _facts(parts, seen, due, stored, key.fingerprint)
    sign = mark(seen.image, facts)
    before = seen.before
    same = before is not None and before.mark == sign and before.keyid == key.keyid and not due.attempts
    if same:
        await parts.database.write(partial(_confirm, due=due, at=seen.image.updated_at))
        return False
    envelope = dsse.sealed(key, PAYLOAD_TYPE, statement(seen.image, facts, utcnow()))
    receipt = Receipt(
        image_id=seen.image.id,
        envelope=envelope,
        keyid=key.keyid,
        mark=sign,
        digests=Digests(facts.digests),
        compared_at=seen.image.updated_at,
        issued_at=utcnow(),
    )
    own = {key.fingerprint: key.pem}
    unseen = next((each.unseen for each in stored if each.unseen is not None), None)
    wait = None if unseen is None or due.attempts >= _ENOUGH else unseen
    await parts.database.write(partial(_record, due=due, receipt=receipt, own=own, wait=wait))
    return True


async def _look(conn: Connection, *, image_id: str) -> _Seen | None:
    """What is on record of an image, None when there is nothing to write a receipt of."""
    image = await images.get(conn, image_id)
    if image is None or image.status not in IN_USE or not known_digests(image):
        return None
    verdict = await verdicts.find(conn, image.id)
    evidence = evidence_of(image.properties, image.os_hash_value)
    verified = None if evidence is None else evidence.verified
    wanted = () if verified is None else (verified.certificate, *verified.chain)
    return _Seen(
        image=image,
        before=await receipts.find(conn, image.id),
        inspected=None if verdict is None else _inspected(verdict),
        certificates=dict(await receipts.known(conn, wanted)),
    )


def _inspected(verdict: verdicts.Recorded) -> Inspected:
    return Inspected(
        accepted=verdict.accepted,
        detected_format=verdict.detected_format,
        rules=verdict.rules,
        judged_at=verdict.judged_at,
    )


def _facts(parts: Parts, seen: _Seen, due: Due, stored: list[Stored], issuer: str) -> Facts:
    before = seen.before
    digests = due.digests or (Digests.ON_RECORD if before is None else before.digests)
    replaced = None if before is None else hashlib.sha256(dsse.read(before.envelope).document).hexdigest()
    return Facts(
        digests=digests.value,
        inspected=seen.inspected,
        stored=stored,
        certificates=seen.certificates,
        shown=parts.receipts.show_locations,
        issuer=issuer,
        replaces=replaced,
    )


async def _stored(parts: Parts, image: Image) -> list[Stored]:
    return [await _copy(parts, location) for location in by_weight(parts.stores, image.locations)]


async def _copy(parts: Parts, location: Location) -> Stored:
    try:
        store_id, _, key = parts.stores.for_location(location.uri, location.metadata)
    except StoreError:
        return Stored(store=location.store, type=None, location=location, unseen="No configured store holds it.")
    found = partial(Stored, store=store_id, type=parts.stores.config(store_id).type, location=location)
    store = parts.stores.bare[store_id]
    if not isinstance(store, Identified):
        return found()
    try:
        async with asyncio.timeout(_STORE_SECONDS):
            return found(object=await store.identify(key))
    except (StoreError, TimeoutError) as error:
        return found(unseen=str(error) or f"Store {store_id} did not answer in time.")


async def _confirm(conn: Connection, *, due: Due, at: datetime) -> None:
    await receipts.compared(conn, due.image_id, at)
    await receipts.settle(conn, due)


async def _record(conn: Connection, *, due: Due, receipt: Receipt, own: Mapping[str, str], wait: str | None) -> None:
    """Keep the receipt; with `wait` it is to be written once more, when a store has said what it did not say now."""
    image = await images.get(conn, receipt.image_id)
    if image is not None and image.status in IN_USE:
        await receipts.remember(conn, own, receipt.keyid)
        await receipts.record(conn, receipt)
    if wait is None:
        await receipts.settle(conn, due)
    else:
        await receipts.put_off(conn, due, wait, utcnow() + pause_after(due.attempts))


def pause_after(attempts: int) -> timedelta:
    """How long a receipt waits whose writing failed once more: twice as long each time, up to ten minutes."""
    return timedelta(seconds=min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(attempts, 32)))
