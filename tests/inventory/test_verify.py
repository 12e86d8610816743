"""Copies read back: each bad one is found, by its bytes, its length or its absence; and nothing is changed."""

import os

import pytest

from intaglio.services.inventory import usage
from intaglio.services.verify import Outcome, Pace, Verdict, verify
from tests.deletion.site import DATA, Site

pytestmark = pytest.mark.anyio


async def verdicts(site: Site, **how: object) -> list[Verdict]:
    return [each async for each in verify(site.parts, **how)]  # type: ignore[arg-type]


def outcomes(found: list[Verdict]) -> dict[str, Outcome]:
    return {each.image_id: each.outcome for each in found}


async def test_each_bad_copy_is_found(site: Site) -> None:
    good, changed, cut, lost, away = [await site.active() for _ in range(4)] + [await site.active(store_id="slow")]
    fast = site.home / "stores" / "fast"
    (fast / changed.id).write_bytes(DATA[:-1] + b"!")
    os.truncate(fast / cut.id, 10)
    (fast / lost.id).unlink()
    before = site.objects()
    with site.away("slow"):
        found = await verdicts(site)
    assert outcomes(found) == {
        good.id: Outcome.GOOD,
        changed.id: Outcome.BAD,
        cut.id: Outcome.BAD,
        lost.id: Outcome.BAD,
        away.id: Outcome.UNREADABLE,
    }
    assert {each.reason for each in found if each.image_id == changed.id} == {
        "its bytes are not those that were stored"
    }
    assert site.objects() == before
    assert outcomes(await verdicts(site, image_id=changed.id)) == {changed.id: Outcome.BAD}
    assert outcomes(await verdicts(site, stores=["slow"])) == {away.id: Outcome.GOOD}
    assert [each.image_id for each in await verdicts(site, after=found[2].location)] == [lost.id, away.id]


async def test_only_images_in_use(site: Site) -> None:
    site.settle(delayed_delete=True, scrub_time=3600)
    image = await site.active()
    await site.delete(image.id)
    assert await verdicts(site) == []


async def test_bytes_are_counted_and_paced(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    await site.active()
    told: list[int] = []
    await verdicts(site, told=lambda _what, more: told.append(more))
    assert sum(told) == len(DATA)
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    pace = Pace(1000)
    monkeypatch.setattr("intaglio.services.verify.asyncio.sleep", sleep)
    await pace.passed(500)
    await pace.passed(1500)
    assert slept == [pytest.approx(0.5, abs=0.3), pytest.approx(2.0, abs=0.3)]


async def test_use_of_stores(site: Site) -> None:
    site.settle(delayed_delete=True, scrub_time=3600)
    await site.active()
    gone = await site.active()
    await site.active(b"x" * 10, store_id="slow")
    await site.delete(gone.id)
    fast, slow, _ = await usage(site.parts)
    assert (fast.copies, fast.bytes, fast.kept_copies, fast.kept_bytes) == (1, len(DATA), 1, len(DATA))
    assert (slow.copies, slow.bytes, slow.kept_copies) == (1, 10, 0)
