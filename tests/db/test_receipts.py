"""On every database: what waits for a receipt is taken by one, receipts and certificates are kept, rounds go on."""

from datetime import timedelta

import msgspec
import pytest

from intaglio.base.clock import utcnow
from intaglio.db.base import Database
from intaglio.db.repos import images, receipts, rounds
from intaglio.db.repos.receipts import Digests, Due, Receipt
from intaglio.domain.image import Image, Location
from intaglio.domain.signatures import KEY_TYPE
from intaglio.domain.status import Status
from tests.db.samples import moment, new_image

pytestmark = pytest.mark.anyio
replace = msgspec.structs.replace
DIGEST = {"os_hash_algo": "sha512", "os_hash_value": "f" * 128, "checksum": "0" * 32}


async def change(database: Database, before: Image, at: float, **changes: object) -> Image:
    after = replace(before, updated_at=moment(at), **changes)
    return await database.write(lambda conn: images.update(conn, before, after))


async def due(database: Database, image: Image) -> Due | None:
    return await database.read(lambda conn: receipts.find_due(conn, image.id))


async def settle(database: Database, noted: Due) -> None:
    await database.write(lambda conn: receipts.settle(conn, noted))


async def active(database: Database) -> Image:
    image = await database.write(lambda conn: images.insert(conn, new_image()))
    locations = (Location("file:///a"),)
    return await change(database, image, 1, status=Status.ACTIVE, size=3, locations=locations, **DIGEST)


def receipt_of(image: Image, **fields: object) -> Receipt:
    made = Receipt(
        image_id=image.id,
        envelope="{}",
        keyid="k",
        mark="m",
        digests=Digests.COMPUTED,
        compared_at=image.updated_at,
        issued_at=utcnow(),
    )
    return replace(made, **fields)


async def test_what_changes_a_receipt(database: Database) -> None:
    queued = await database.write(lambda conn: images.insert(conn, new_image()))
    queued = await change(database, queued, 1, name="a name")
    assert await due(database, queued) is None
    image = await active(database)
    noted = await due(database, image)
    assert noted is not None
    assert (noted.digests, noted.attempts, noted.error) == (Digests.COMPUTED, 0, None)
    await settle(database, noted)
    image = await change(database, image, 2, name="another", properties={"colour": "red"})
    assert await due(database, image) is None
    changes: list[dict[str, object]] = [
        {"locations": (*image.locations, Location("rbd://b"))},
        {"properties": {KEY_TYPE: "DSA"}},
        {"os_hash_value": "e" * 128},
    ]
    for number, fields in enumerate(changes):
        image = await change(database, image, 3 + number, **fields)
        noted = await due(database, image)
        assert noted is not None, fields
        assert noted.digests == (Digests.COMPUTED if "os_hash_value" in fields else None)
        await settle(database, noted)


async def test_one_takes_what_waits(database: Database) -> None:
    image, now = await active(database), utcnow() + timedelta(seconds=1)
    [taken] = await database.write(lambda conn: receipts.take(conn, now, 10))
    assert taken.image_id == image.id
    assert await database.write(lambda conn: receipts.take(conn, now, 10)) == []
    await database.write(lambda conn: receipts.put_off(conn, taken, "a reason", now + timedelta(hours=1)))
    later = now + timedelta(minutes=59)
    assert not await database.read(lambda conn: receipts.waiting(conn, later))
    [again] = await database.write(lambda conn: receipts.take(conn, now + timedelta(hours=1), 10))
    assert (again.attempts, again.error, again.digests) == (1, "a reason", Digests.COMPUTED)
    await database.write(lambda conn: receipts.note(conn, image.id))  # something changed meanwhile
    await database.write(lambda conn: receipts.settle(conn, again))
    left = await due(database, image)
    assert left is not None
    assert (left.attempts, left.digests) == (0, Digests.COMPUTED)


async def test_receipts_are_replaced_and_found_out_of_date(database: Database) -> None:
    image = await active(database)
    noted = await due(database, image)
    assert noted is not None
    await settle(database, noted)
    undigested = await database.write(lambda conn: images.insert(conn, new_image(status=Status.ACTIVE)))
    ids, last = await database.survey(lambda conn: receipts.doubtful(conn, ""))
    assert (list(ids), last) == ([image.id], max(image.id, undigested.id))
    assert await database.survey(lambda conn: receipts.doubtful(conn, last or "")) == ((), None)
    for mark in ("m", "n"):
        receipt = receipt_of(image, mark=mark)
        await database.write(lambda conn, receipt=receipt: receipts.record(conn, receipt))  # type: ignore[misc]
    assert await database.read(lambda conn: receipts.find(conn, image.id)) == receipt
    assert list((await database.survey(lambda conn: receipts.doubtful(conn, "")))[0]) == []
    everything = await database.survey(lambda conn: receipts.doubtful(conn, "", everything=True))
    assert list(everything[0]) == [image.id]
    image = await change(database, image, 60, name="a name")
    assert list((await database.survey(lambda conn: receipts.doubtful(conn, "")))[0]) == [image.id]
    await database.write(lambda conn: receipts.compared(conn, image.id, image.updated_at))
    assert list((await database.survey(lambda conn: receipts.doubtful(conn, "")))[0]) == []
    assert await database.write(receipts.forget_gone) == 0
    await database.write(lambda conn: images.delete(conn, image))
    assert await database.write(receipts.forget_gone) == 1


async def test_certificates_are_kept_once(database: Database) -> None:
    await database.write(lambda conn: receipts.remember(conn, {"a": "PEM a", "b": "PEM b"}))
    await database.write(lambda conn: receipts.remember(conn, {"a": "another"}))
    await database.write(lambda conn: receipts.remember(conn, {"b": "PEM b"}, "key b"))
    await database.write(lambda conn: receipts.remember(conn, {"c": "PEM c"}, "key c"))
    await database.write(lambda conn: receipts.remember(conn, {}))
    assert await database.read(lambda conn: receipts.known(conn, ["a", "b", "z"])) == {"a": "PEM a", "b": "PEM b"}
    assert {each.keyid: each.pem for each in await database.read(receipts.own)} == {"key b": "PEM b", "key c": "PEM c"}


async def test_one_worker_walks(database: Database) -> None:
    now, day = utcnow(), timedelta(days=1)

    async def take(holder: str, at: timedelta = timedelta()) -> rounds.Round | None:
        return await database.write(lambda conn: rounds.take(conn, "copies", holder, now + at, day))

    mine = await take("mine")
    assert mine is not None
    assert await take("other") is None
    far = replace(mine, after=7, copies=3, wrong=1)
    assert await database.write(lambda conn: rounds.renew(conn, far, now))
    other = await take("other", rounds.LEASE)
    assert other is not None
    assert (other.after, other.copies, other.wrong, other.began_at) == (7, 3, 1, mine.began_at)
    assert not await database.write(lambda conn: rounds.renew(conn, far, now))
    assert await database.write(lambda conn: rounds.renew(conn, replace(other, ended_at=now), now))
    assert await take("mine", day / 2) is None
    new = await take("mine", day)
    assert new is not None
    assert (new.after, new.copies, new.ended_at) == (0, 0, None)
