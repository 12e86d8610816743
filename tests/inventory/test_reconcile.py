"""What stores hold against what the database says: every disagreement is told, and only what is safe is removed."""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec.structs import replace

from intaglio.services import images, staging, upload
from intaglio.services.reconcile import Kind, Report, reconcile
from intaglio.stores.registry import Stores
from intaglio.stores.settings import STAGING, StoreSettings
from tests.deletion.site import DATA, Site, pieces
from tests.imports.stage import ADMIN, DIRECT
from tests.inventory.conftest import stray
from tests.starters.base import wait_until

pytestmark = pytest.mark.anyio
STAGED = "data/staging"
FORMATS = {"disk_format": "raw", "container_format": "bare"}


def kinds(report: Report) -> list[tuple[Kind, str, str]]:
    return sorted((each.kind, each.store_id, each.key) for each in report.findings)


async def test_when_all_is_well(site: Site) -> None:
    await site.active()
    await site.stage.staged()
    report = await reconcile(site.parts)
    assert (report.findings, report.copies, report.objects) == ([], 1, {"fast": 1, "slow": 0})
    assert report.fine


async def test_every_kind(site: Site) -> None:
    missing, cut, nowhere = await site.active(), await site.active(), await site.active(store_id="slow")
    (site.home / "stores" / "fast" / missing.id).unlink()
    os.truncate(site.home / "stores" / "fast" / cut.id, 5)
    orphan, _, staged = stray(site, "stores/fast"), stray(site, "stores/fast", "backup.tar"), stray(site, STAGED)
    fast = site.parts.stores.config("fast")
    only = Stores(StoreSettings(stores=(fast,), default="fast", multi=True), {"fast": site.parts.stores["fast"]})
    report = await reconcile(replace(site.parts, stores=only))
    assert kinds(report) == sorted(
        [
            (Kind.MISSING, "fast", missing.id),
            (Kind.WRONG_SIZE, "fast", cut.id),
            (Kind.NOWHERE, "slow", ""),
            (Kind.ORPHAN, "fast", orphan),
            (Kind.FOREIGN, "fast", "backup.tar"),
            (Kind.STAGED, STAGING, staged),
        ]
    )
    assert nowhere.id in {each.image_id for each in report.findings}
    assert not report.fine
    assert len(site.objects()) == 5, "without fix nothing is removed"


async def test_what_is_removed(site: Site) -> None:
    kept = await site.active()
    old, young, side = stray(site, "stores/fast"), stray(site, "stores/slow", hours=1), str(uuid.uuid4())
    stray(site, STAGED, f"{side}.qcow2")
    stray(site, "stores/fast", "backup.tar")
    stray(site, "stores/slow", kept.id)  # a copy that a crash left: the image has another one, and not this
    report = await reconcile(site.parts, fix=True)
    fixed = {(each.store_id, each.key) for each in report.findings if each.fixed}
    assert fixed == {("fast", old), (STAGING, f"{side}.qcow2"), ("slow", kept.id)}
    assert sorted(site.objects()) == sorted(
        ["stores/fast/backup.tar", f"stores/fast/{kept.id}", f"stores/slow/{young}"]
    )
    [left] = [each for each in report.findings if each.key == young]
    assert "younger than 24 h" in left.note
    assert (await reconcile(site.parts, fix=True, grace_hours=0.5)).findings[0].kind in {Kind.FOREIGN, Kind.ORPHAN}
    assert sorted(site.objects()) == sorted(["stores/fast/backup.tar", f"stores/fast/{kept.id}"])
    assert await site.leases() == []


async def test_kept_images_are_no_orphans(site: Site) -> None:
    site.settle(delayed_delete=True, scrub_time=3600)
    image = await site.active()
    await site.delete(image.id)
    report = await reconcile(site.parts, fix=True, grace_hours=0)
    assert (report.findings, report.kept_images) == ([], 1)
    assert len(site.objects()) == 1


@pytest.mark.parametrize("way", ["upload", "stage"])
async def test_what_an_upload_writes_is_left(site: Site, way: str) -> None:
    """Also at the moment when its object is complete and no row says so."""
    image = await images.create(site.parts, ADMIN, FORMATS)
    seen: list[Report] = []
    place = "stores/fast" if way == "upload" else STAGED

    async def body() -> AsyncIterator[bytes]:
        async for piece in pieces(DATA):
            yield piece
        stray(site, place, image.id, hours=48)
        seen.append(await reconcile(site.parts, fix=True, grace_hours=0))
        assert (site.home / place / image.id).exists()
        (site.home / place / image.id).unlink()

    take: Any = upload.upload if way == "upload" else staging.stage
    await take(site.parts, ADMIN, image.id, body())
    assert [report.findings for report in seen] == [[]]


async def test_what_an_import_writes_is_left(site: Site) -> None:
    site.stage.enter("w")
    site.stage.hang("store:after")
    image_id = await site.stage.staged()
    task_id = await site.stage.ask(image_id, {**DIRECT, "all_stores": True})
    await asyncio.to_thread(wait_until, lambda: site.stage.count("put:inside") > 0, "the import")
    report = await reconcile(site.parts, fix=True, grace_hours=0)
    assert report.findings == []
    site.stage.hang("")
    assert (await site.stage.ended(task_id)).status == "success"
    site.stage.leave("w")
    assert len(site.objects()) == 2


async def test_a_store_that_cannot_be_listed_has_lost_nothing(site: Site) -> None:
    await site.active()
    with site.away("fast"):
        report = await reconcile(site.parts, fix=True, grace_hours=0)
        assert report.findings == []
        assert "directory" in report.unreadable["fast"]
        assert not report.fine
    assert len(site.objects()) == 1


async def test_what_was_given_up_is_tried_again(site: Site) -> None:
    image = await site.active()
    site.settle(removal_give_up_hours=1e-9)
    with site.away("fast"):
        await site.delete(image.id)
        report = await reconcile(site.parts, ["slow"])
        assert [(lease.store_id, lease.key) for lease in report.removals] == [("fast", image.id)]
        assert not report.fine
    assert [each.kind for each in (await reconcile(site.parts)).findings] == []  # it is known of
    report = await reconcile(site.parts, fix=True)
    assert (report.retried, report.removals, site.objects()) == (1, [], {})
    assert report.fine


async def test_unfinished_objects_of_dead_writers(site: Site) -> None:
    hidden = site.home / "stores" / "fast" / ".intaglio"
    hidden.mkdir()
    (hidden / "dead.0123").write_bytes(b"half")
    assert (await reconcile(site.parts)).swept == {}
    assert (hidden / "dead.0123").exists()
    assert (await reconcile(site.parts, fix=True)).swept == {"fast": 1, "slow": 0}
    assert not (hidden / "dead.0123").exists()
