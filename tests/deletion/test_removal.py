"""Whatever fails when an image is deleted, its data go, or somebody is told: no object is left that nobody knows of."""

import asyncio
import logging
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from intaglio.db.repos import leases
from intaglio.db.repos.leases import Lease
from intaglio.services import recovery, removal
from intaglio.services.recovery import Recovery, recover, retry_given_up
from intaglio.services.removal import pause_after
from intaglio.stores.registry import Stores, build_one
from intaglio.stores.settings import StoreSettings
from tests.db.samples import EPOCH
from tests.deletion.site import Site
from tests.starters.base import ROOT, wait_until
from tests.starters.filesystems import Faulty, faulty

pytestmark = pytest.mark.anyio


async def test_a_store_that_is_down(site: Site) -> None:
    image = await site.active()
    with site.away("fast"):
        await site.delete(image.id)
        [lease] = await site.leases()
        assert (lease.attempts, lease.store_id, lease.key) == (1, "fast", image.id)
        assert "directory" in (lease.error or "")
        assert await recover(site.parts) == 0  # it is not time yet
        assert (await site.leases()) == [lease]
        await site.make_due()
        assert await recover(site.parts) == 0
        [again] = await site.leases()
        assert again.attempts == 2
        assert again.expires_at - lease.expires_at > pause_after(lease) / 2
    assert len(site.objects()) == 1
    await site.make_due()
    assert await recover(site.parts) == 1
    assert (site.objects(), await site.leases(), await site.used()) == ({}, [], {})


async def test_pauses_grow_to_an_hour() -> None:
    lease = Lease(image_id="x", kind="delete-1", holder="h", store_id="s", key="k", created_at=EPOCH, expires_at=EPOCH)
    pauses = [pause_after(replace(lease, attempts=number)).total_seconds() for number in range(40)]
    assert pauses[:4] == [5, 10, 20, 40]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 3600
    assert pause_after(replace(lease, kind="upload", attempts=40)).total_seconds() == 60


async def test_one_that_is_down_keeps_no_other_waiting(site: Site) -> None:
    """Three images in a store that is down and one in another: the store is asked once, the other image goes."""
    gone = [await site.active() for _ in range(3)]
    other = await site.active(store_id="slow")
    with site.away("fast"), site.away("slow"):
        for image in (*gone, other):
            await site.delete(image.id)
    with site.away("fast"):
        await site.make_due()
        worker = Recovery(site.parts)
        await worker.tend()
        assert await worker.finish() == 1
        waiting = await site.leases()
        assert [lease.store_id for lease in waiting] == ["fast"] * 3
        assert sorted(lease.attempts for lease in waiting) == [1, 1, 2]
        await site.make_due()
        await worker.tend()  # the store rests
        assert await worker.finish() == 1
        assert sorted(lease.attempts for lease in await site.leases()) == [1, 1, 2]
    assert sorted(site.objects()) == sorted(f"stores/fast/{image.id}" for image in gone)


async def test_an_object_that_does_not_go_keeps_no_other_waiting(site: Site) -> None:
    """The store is well: it is one object that cannot be removed."""
    stuck, well = await site.active(), await site.active()
    with site.away("fast"):
        await site.delete(stuck.id)
        await site.delete(well.id)
    file = site.home / "stores" / "fast" / stuck.id
    file.rename(site.home / "aside")
    file.symlink_to(file)  # a loop: the file system answers ELOOP
    await site.make_due()
    assert await recover(site.parts) == 1
    assert [lease.image_id for lease in await site.leases()] == [stuck.id]
    file.unlink()
    (site.home / "aside").rename(file)
    await site.make_due()
    assert await recover(site.parts) == 1
    assert site.objects() == {}


async def test_given_up_loudly_and_tried_again_when_told_to(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    image = await site.active()
    site.settle(removal_give_up_hours=1e-9)
    with site.away("fast"):
        await site.delete(image.id)
        await site.make_due()
        assert await recover(site.parts) == 0
        [lease] = await site.leases()
        assert lease.given_up_at is not None
        said = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
        assert any("gave up" in text and image.id in text and "'fast'" in text for text in said)
        caplog.clear()
        await recovery.remind(site.parts)
        assert "1 objects" in caplog.text
        assert "store reconcile --fix" in caplog.text
        assert await retry_given_up(site.parts) == 0
        assert (await site.leases())[0].given_up_at is not None
    await site.make_due()
    assert await recover(site.parts) == 0  # nobody tries by himself
    assert await retry_given_up(site.parts) == 1
    assert (site.objects(), await site.leases()) == ({}, [])


async def test_never_given_up_where_the_operator_says_so(site: Site) -> None:
    image = await site.active()
    site.settle(removal_give_up_hours=0)
    with site.away("fast"):
        await site.delete(image.id)
        [lease] = await site.leases()
        await site.parts.database.write(lambda conn: leases.release(conn, lease))
        await site.parts.database.write(lambda conn: leases.claim(conn, replace(lease, created_at=EPOCH)))
        await site.make_due()
        await recover(site.parts)
        assert [each.given_up_at for each in await site.leases()] == [None]


async def test_a_store_that_is_not_configured_any_more(site: Site) -> None:
    image = await site.active(store_id="slow")
    whole = site.parts
    fast = whole.stores.config("fast")
    only = Stores(StoreSettings(stores=(fast,), default="fast", multi=True), {"fast": whole.stores["fast"]})
    site.parts = replace(whole, stores=only)
    await site.delete(image.id)
    [lease] = await site.leases()
    assert (lease.store_id, lease.key, lease.attempts) == ("slow", "", 1)
    assert "file" in (lease.error or "")
    assert str(site.home) not in (lease.error or "")
    site.parts = whole
    await site.make_due()
    assert await recover(site.parts) == 1
    assert (site.objects(), await site.leases()) == ({}, [])


async def test_what_lies_on_a_web_server_is_forgotten(site: Site) -> None:
    image = await site.active()
    there = replace(image.locations[0], uri="https://example.org/image")
    assert removal.deletions(site.parts, image.id, [there]) == []


async def test_two_workers(site: Site) -> None:
    made = [await site.active() for _ in range(6)]
    with site.away("fast"):
        for image in made:
            await site.delete(image.id)
    await site.make_due()
    settled = await asyncio.gather(recover(site.parts), recover(replace(site.parts, holder="another")))
    assert sum(settled) == len(made)
    assert (site.objects(), await site.leases()) == ({}, [])


_DIES = """
import asyncio, os, signal, sys
from pathlib import Path
from intaglio.bootstrap.load import load
from intaglio.bootstrap.sources import Sources
from intaglio.bootstrap.wiring import make_parts
from intaglio.services import images
from intaglio.stores.drivers.file import FileStore
from tests.imports.stage import ADMIN

async def die(store, key):
    os.kill(os.getpid(), signal.SIGKILL)

async def main():
    FileStore.delete = die
    await images.delete(make_parts(load(Sources(files=(Path(sys.argv[1]),)))), ADMIN, sys.argv[2])

asyncio.run(main())
"""


async def test_killed_between_row_and_object(site: Site) -> None:
    image = await site.active()
    command = [sys.executable, "-c", _DIES, str(site.stage.conf), image.id]
    died = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, capture_output=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    assert list(site.objects()) == [f"stores/fast/{image.id}"]
    assert await recover(site.parts) == 1  # at once: the process is known to be dead
    assert (site.objects(), await site.leases(), await site.used()) == ({}, [], {})


@pytest.mark.real
async def test_a_store_that_hangs_holds_nobody(site: Site, tmp_path: Path) -> None:
    """The answer comes while the store still hangs; when it goes on, the object is gone once and for all."""
    with faulty(tmp_path / "fuse") as fuse:
        await _moved_to(site, fuse)
        image = await site.active()
        assert len(list(fuse.directory.glob(image.id))) == 1
        fuse.fail("unlink", "hang")
        deleting = asyncio.create_task(site.delete(image.id))
        await asyncio.to_thread(wait_until, fuse.hanging, "the hang")
        await deleting
        [lease] = await site.leases()
        assert (lease.attempts, lease.error) == (1, "store 'fast' did not remove it within 5 s")
        fuse.heal()
        await site.make_due()
        for _ in range(100):
            if await recover(site.parts):
                break
            await asyncio.sleep(0.05)
            await site.make_due()
        assert await site.leases() == []
        assert not list(fuse.directory.glob(image.id))
        await site.parts.stores["fast"].close()


async def _moved_to(site: Site, fuse: Faulty) -> None:
    config = site.parts.stores.config("fast")
    moved = replace(config, options={"filesystem_store_datadir": str(fuse.directory)})
    settings = StoreSettings(stores=(moved,), default="fast", multi=True)
    site.parts = replace(site.parts, stores=Stores(settings, {"fast": build_one(moved)}))
