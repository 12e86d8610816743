"""Stored copies are read back on schedule: what is wrong is taken out of use, and no copy is read twice in a round."""

import base64
import json
import os
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import delete, update

from intaglio.base.clock import utcnow
from intaglio.db.base import Connection
from intaglio.db.repos import receipts, rounds, tasks
from intaglio.db.repos.receipts import Digests
from intaglio.db.repos.rounds import Round
from intaglio.db.tables.added import receipts as receipt_rows
from intaglio.db.tables.added import receipts_due
from intaglio.db.tables.images import locations as location_rows
from intaglio.domain.image import Image
from intaglio.domain.status import Status
from intaglio.domain.task import Task, TaskStatus
from intaglio.services.receipt_writing import Receipts
from intaglio.services.receipts import reconcile
from intaglio.services.reverification import NAME, VERIFIED, Reverification
from intaglio.services.verify import Verdict
from intaglio.signatures.own import OwnKey
from intaglio.signatures.settings import ServiceKeySettings
from tests.db.samples import EPOCH
from tests.deletion.site import DATA, Site

pytestmark = pytest.mark.anyio


def job(site: Site, days: float = 1) -> Reverification:
    return Reverification(site.parts, days=days, mebibytes_per_second=1000)


async def state(site: Site) -> Round:
    found = await site.parts.database.read(lambda conn: rounds.find(conn, NAME))
    assert found is not None
    return found


async def said_of(site: Site, image: Image) -> list[Task]:
    return await site.parts.database.read(lambda conn: tasks.of_image(conn, image.id, None, utcnow()))


def counted(site: Site, store: str, outcome: str) -> float:
    return site.parts.counts.total(site.parts.counts.place(VERIFIED, store, outcome))


async def test_what_is_wrong_is_taken_out_of_use(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    good, changed, cut, lost, away = [await site.active() for _ in range(4)] + [await site.active(store_id="slow")]
    fast = site.home / "stores" / "fast"
    (fast / changed.id).write_bytes(DATA[:-1] + b"!")
    os.truncate(fast / cut.id, 10)
    (fast / lost.id).unlink()
    with site.away("slow"):
        await job(site).tend()
    found = {image.id: (await site.image(image.id)).status for image in (good, changed, cut, lost, away)}
    assert [image.id for image in (changed, cut) if found[image.id] is Status.DEACTIVATED] == [changed.id, cut.id]
    assert {found[image.id] for image in (good, lost, away)} == {Status.ACTIVE}  # nothing wrong can be read of them
    [task] = await said_of(site, changed)
    assert (task.status, task.owner) == (TaskStatus.FAILURE, changed.owner)
    assert "The copy in store fast was read back: its bytes are not those that were stored." in task.message
    assert f"bad copy of image {changed.id} in store fast" in caplog.text
    assert (await said_of(site, lost), f"bad copy of image {lost.id} in store fast" in caplog.text) == ([], True)
    assert [counted(site, *each) for each in (("fast", "good"), ("fast", "bad"), ("slow", "unreadable"))] == [1, 3, 1]
    ended = await state(site)
    assert (ended.copies, ended.wrong, ended.ended_at is None) == (5, 4, False)
    await job(site).tend()  # not due again
    assert await state(site) == ended
    await job(site, days=0).tend()
    assert len(await said_of(site, changed)) == 1  # out of use already
    assert (await state(site)).copies == 5


async def test_another_worker_goes_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that dies leaves its place; a living one is left at it; each copy is looked at once."""
    ids = [(await site.active()).id for _ in range(4)]
    looked: list[str] = []
    judge = Reverification._judge

    async def dying(self: Reverification, verdict: Verdict) -> None:
        if len(looked) == 2:
            raise KeyboardInterrupt
        looked.append(verdict.image_id)
        await judge(self, verdict)

    monkeypatch.setattr(Reverification, "_judge", dying)
    with pytest.raises(KeyboardInterrupt):
        await job(site).tend()
    left = await state(site)
    assert (left.copies, left.ended_at) == (2, None)
    monkeypatch.setattr(Reverification, "_judge", judge)
    other = Reverification(replace(site.parts, holder="elsewhere:1:2:3"), days=1, mebibytes_per_second=1000)
    await other.tend()  # the first one seems to be alive
    assert await state(site) == left

    async def later(conn: Connection) -> Round | None:
        return await rounds.take(conn, NAME, "elsewhere:1:2:3", left.expires_at, other._every)

    taken = await site.parts.database.write(later)
    assert taken is not None
    assert taken.after == left.after
    await other.tend()
    assert (await state(site)).copies == len(ids)
    assert not await site.parts.database.write(lambda conn: rounds.renew(conn, left, utcnow()))


async def test_bytes_that_were_read_are_said_so(site: Site) -> None:
    """What a receipt took from the database is, once the bytes were read back, what they are."""
    image = await site.active()
    writer = Receipts(site.parts)

    async def written() -> Digests:
        await writer.tend()
        found = await site.parts.database.read(lambda conn: receipts.find(conn, image.id))
        assert found is not None
        return found.digests

    assert await written() is Digests.COMPUTED
    await site.parts.database.write(lambda conn: conn.execute(delete(receipt_rows)))  # as on a Glance's database
    await reconcile(site.parts)
    assert await written() is Digests.ON_RECORD
    await reconcile(site.parts)
    assert not await site.parts.database.read(lambda conn: receipts.waiting(conn, utcnow()))
    await job(site).tend()
    assert await written() is Digests.COMPUTED


async def test_receipts_of_gone_images_go(site: Site) -> None:
    image = await site.active()
    await Receipts(site.parts).tend()
    await site.delete(image.id)
    await reconcile(site.parts)
    assert await site.parts.database.read(receipts.counts) == (0, 0)


async def test_a_receipt_that_cannot_be_written_waits(site: Site, tmp_path: Path) -> None:
    """Nothing else waits for it, it says why, and it is tried again after a pause."""
    broken = tmp_path / "broken.pem"
    broken.write_bytes(b"no key")
    good = site.parts
    site.parts = replace(good, own_key=OwnKey(ServiceKeySettings(key=broken)))
    image = await site.active()
    await Receipts(site.parts).tend()
    due = await good.database.read(lambda conn: receipts.find_due(conn, image.id))
    assert due is not None
    assert (due.attempts, "no private key" in (due.error or "")) == (1, True)
    assert due.retry_at > utcnow()
    await good.database.write(lambda conn: conn.execute(update(receipts_due).values(retry_at=EPOCH)))
    await Receipts(good).tend()
    assert await good.database.read(receipts.counts) == (1, 0)


async def test_what_a_store_does_not_say_is_asked_again(site: Site) -> None:
    """The receipt is there at once, says what is missing, and is due once more."""
    image = await site.active()

    async def move(conn: Connection) -> None:
        elsewhere = update(location_rows).where(location_rows.c.image_id == image.id)
        await conn.execute(elsewhere.values(value="rbd://0/images/gone/snap", meta_data='{"store": "gone"}'))

    await site.parts.database.write(move)
    await Receipts(site.parts).tend()
    found = await site.parts.database.read(lambda conn: receipts.find(conn, image.id))
    assert found is not None
    [copy] = json.loads(base64.b64decode(json.loads(found.envelope)["payload"]))["predicate"]["copies"]
    assert (copy["store"], copy["type"], copy["unseen"]) == ("gone", None, "No configured store holds it.")
    due = await site.parts.database.read(lambda conn: receipts.find_due(conn, image.id))
    assert due is not None
    assert (due.attempts, due.error) == (1, "No configured store holds it.")
