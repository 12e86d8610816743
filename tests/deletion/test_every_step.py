"""An image deleted at every step of what may be under way with it: no row, no object, no claim, no quota is left."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from intaglio.base.clock import utcnow
from intaglio.db.repos import leases
from intaglio.domain.quota import StorageQuota
from intaglio.domain.status import Status
from intaglio.domain.task import TaskStatus
from intaglio.ingest.door import Door
from intaglio.services import images, staging, upload
from intaglio.services.kept import restore
from intaglio.services.recovery import recover
from intaglio.services.stores import drop_copy
from intaglio.services.upload import UploadOvertaken
from tests.deletion.site import DATA, Site, pieces
from tests.imports.stage import ADMIN, DIRECT
from tests.starters.base import wait_until

pytestmark = pytest.mark.anyio
Hook = Callable[[], Awaitable[None]]
FORMATS = {"disk_format": "raw", "container_format": "bare"}


class LateDoor(Door):
    """Something happens when the store has everything and nothing says so yet."""

    def __init__(self, then: Hook) -> None:
        super().__init__()
        self._then = then

    async def admit(self, *given: Any, **named: Any) -> Any:
        done = await super().admit(*given, **named)
        await self._then()
        return done


async def interrupted(data: bytes, at: int, then: Hook) -> AsyncIterator[bytes]:
    """`then` happens before the piece of this number, or after the last."""
    number = 0
    async for piece in pieces(data):
        if number == at:
            await then()
        yield piece
        number += 1
    if at >= number:
        await then()


async def nothing_is_left(site: Site) -> None:
    assert site.objects() == {}
    assert await site.leases() == []
    assert await site.used() == {}


@pytest.mark.parametrize("known", [True, False], ids=["of-known-size", "of-unknown-size"])
@pytest.mark.parametrize("moment", ["before-the-first-byte", "in-the-middle", "after-the-last-byte", "stored"])
@pytest.mark.parametrize("way", ["upload", "stage"])
async def test_while_data_arrive(site: Site, way: str, moment: str, known: bool) -> None:
    site.parts = replace(site.parts, quotas=StorageQuota(10**9))
    image = await images.create(site.parts, ADMIN, FORMATS)
    delete = partial(site.delete, image.id)
    body = pieces(DATA)
    if moment == "stored":
        site.parts = replace(site.parts, door=LateDoor(delete))
    else:
        at = {"before-the-first-byte": 0, "in-the-middle": 2, "after-the-last-byte": 1000}[moment]
        body = interrupted(DATA, at, delete)
    take: Any = upload.upload if way == "upload" else staging.stage
    with pytest.raises(UploadOvertaken):
        await take(site.parts, ADMIN, image.id, body, content_length=len(DATA) if known else None)
    if moment == "stored":
        site.parts.door.close()
    await nothing_is_left(site)


async def test_while_they_wait_to_be_imported(site: Site) -> None:
    image_id = await site.stage.staged()
    assert len(site.objects()) == 1
    await site.delete(image_id)
    await nothing_is_left(site)


GLANCE_DIRECT = ["begin:before", "begin:after", "store:before", "put:inside", "store:after", "unstage:before"]
GLANCE_DIRECT += ["unstage:after", "finish:before", "finish:after"]
COPY = ["begin:after", "copy:before", "put:inside", "copy:after", "finish:before", "finish:after"]


async def deleted_at(site: Site, point: str, task_of: Callable[[], Awaitable[tuple[str, str]]]) -> TaskStatus:
    """Delete an image when its task, in another process, has come to a point; how the task ends."""
    before = site.stage.count(point)
    site.stage.hang(point)
    image_id, task_id = await task_of()
    await asyncio.to_thread(wait_until, lambda: site.stage.count(point) > before, f"{point}; {site.stage.errors()}")
    await site.delete(image_id)
    site.stage.hang("")
    return (await site.stage.ended(task_id)).status


async def settled(site: Site) -> None:
    """The worker's other jobs may still have something to remove."""
    for _ in range(400):
        if not site.objects() and not await site.leases():
            break
        await asyncio.sleep(0.05)
    await nothing_is_left(site)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("method", ["glance-direct", "copy-image"])
async def test_while_a_task_is_at_work(site: Site, method: str) -> None:
    """One worker, one image for each point."""
    site.stage.enter("w")

    async def direct() -> tuple[str, str]:
        image_id = await site.stage.staged()
        return image_id, await site.stage.ask(image_id, {**DIRECT, "all_stores": True})

    async def copy() -> tuple[str, str]:
        image_id = await site.stage.active()
        return image_id, await site.stage.ask(image_id, {"method": {"name": "copy-image"}, "stores": ["slow"]})

    for point in GLANCE_DIRECT if method == "glance-direct" else COPY:
        status = await deleted_at(site, point, direct if method == "glance-direct" else copy)
        assert status is (TaskStatus.SUCCESS if point == "finish:after" else TaskStatus.FAILURE), point
        await settled(site)
    site.stage.leave("w")


@pytest.mark.parametrize("point", ["unstage:before", "finish:before"])
async def test_kept_while_its_import_ends(site: Site, point: str) -> None:
    """With delayed deletion the task that notices must leave the copies alone: the image may come back."""
    site.settle(delayed_delete=True, scrub_time=3600)
    site.stage.enter("w")

    async def task_of() -> tuple[str, str]:
        image_id = await site.stage.staged(DATA)
        made.append(image_id)
        return image_id, await site.stage.ask(image_id, {**DIRECT, "all_stores": True})

    made: list[str] = []
    await deleted_at(site, point, task_of)
    site.stage.leave("w")
    await recover(site.parts)
    assert sorted(site.objects()) == [f"stores/fast/{made[0]}", f"stores/slow/{made[0]}"]
    image = (await restore(site.parts, made[0])).image
    assert (image.status, len(image.locations)) == (Status.ACTIVE, 2)
    assert await site.leases() == []


async def test_kept_while_it_is_copied(site: Site) -> None:
    """The copy that was under way is gone; what comes back is as it was before, and counts as much."""
    site.settle(delayed_delete=True, scrub_time=3600)
    site.stage.enter("w")

    async def task_of() -> tuple[str, str]:
        image_id = await site.stage.active()
        made.append((image_id, await site.used()))
        return image_id, await site.stage.ask(image_id, {"method": {"name": "copy-image"}, "stores": ["slow"]})

    made: list[tuple[str, Any]] = []
    await deleted_at(site, "put:inside", task_of)
    site.stage.leave("w")
    image = (await restore(site.parts, made[0][0])).image
    assert "os_glance_import_task" not in image.properties
    assert list(site.objects()) == [f"stores/fast/{image.id}"]
    assert await site.used() == made[0][1]
    assert await site.leases() == []


async def test_a_copy_need_not_wait_for_a_removal_that_waits(site: Site) -> None:
    """The store was down when its copy was given up; when it is back, a new copy takes over what is left there."""
    site.stage.enter("w")
    image_id = await site.stage.active()
    copy = {"method": {"name": "copy-image"}, "stores": ["slow"]}
    assert (await site.stage.ended(await site.stage.ask(image_id, copy))).status is TaskStatus.SUCCESS
    with site.away("slow"):
        await drop_copy(site.parts, ADMIN, "slow", image_id)
        [lease] = await site.leases()
        await site.parts.database.write(lambda conn: leases.put_off(conn, lease, "down", utcnow() + timedelta(hours=1)))
        site.stage.leave("w")
    site.stage.enter("v")
    assert (await site.stage.ended(await site.stage.ask(image_id, copy))).status is TaskStatus.SUCCESS
    site.stage.leave("v")
    assert len(site.objects()) == 2
    assert await site.leases() == []


async def test_while_it_is_downloaded(site: Site) -> None:
    """Who began to read reads to the end; nothing stays."""
    image = await site.active(DATA * 60)
    store = site.parts.stores["fast"]
    async with contextlib.aclosing(store.open(image.id)) as reader:
        read = await anext(reader)
        await site.delete(image.id)
        async for piece in reader:
            read += piece
    assert read == DATA * 60
    await nothing_is_left(site)
