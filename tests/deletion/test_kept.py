"""Deleted images whose data are kept: found again whole until their time is over, gone for good after it."""

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import update

from intaglio.base.clock import utcnow
from intaglio.db.base import Connection
from intaglio.db.repos import deletions, images, usage_counts
from intaglio.db.tables.images import images as rows
from intaglio.domain.image import Image
from intaglio.domain.patch import Operation
from intaglio.domain.query import ImageQuery, Viewer
from intaglio.domain.quota import NOTHING
from intaglio.domain.search import read_search
from intaglio.domain.status import Status
from intaglio.services import actions, kept, members
from intaglio.services import images as image_services
from intaglio.services.access import ImageNotFound
from intaglio.services.kept import NotRestorable, restore, scrub
from intaglio.services.recovery import recover
from tests.deletion.site import Site
from tests.imports.stage import ADMIN

pytestmark = pytest.mark.anyio

RICH: dict[str, Any] = {"name": "Bücher", "tags": ["a", "ü"], "os_distro": "debian", "": "no name", "min_ram": 5}
VARY = {"updated_at", "revision"}


def same(image: Image, before: Image) -> bool:
    one, other = (msgspec.to_builtins(each) for each in (image, before))
    return {key: one[key] for key in one.keys() - VARY} == {key: other[key] for key in other.keys() - VARY}


async def drop(site: Site, image_id: str, name: str) -> None:
    await image_services.update(site.parts, ADMIN, image_id, (Operation("remove", name),))


async def shared_with(site: Site, image_id: str) -> list[tuple[str, str]]:
    return [(each.member_id, each.status) for each in await members.listed(site.parts, ADMIN, image_id)]


async def move_deletion(site: Site, image_id: str, seconds: float) -> None:
    """As if it had been deleted so long ago."""
    earlier = utcnow().replace(microsecond=0) - timedelta(seconds=seconds)

    async def work(conn: Connection) -> None:
        await conn.execute(update(rows).where(rows.c.id == image_id).values(deleted_at=earlier))

    await site.parts.database.write(work)


async def test_whole_again(everywhere: Site) -> None:
    """Properties, tags, members, copies, usage, search; and what had been removed before stays removed."""
    site = everywhere
    site.settle(delayed_delete=True, scrub_time=3600)
    image = await site.active(**RICH, gone="x", visibility="shared")
    await site.share(image.id, "beta", "gamma", "delta")
    await drop(site, image.id, "gone")
    await members.remove(site.parts, ADMIN, image.id, "gamma")
    before, shared, used = await site.image(image.id), await shared_with(site, image.id), await site.used()
    await site.delete(image.id)
    assert (await site.used(), await site.leases(), len(site.objects())) == ({}, [], 1)
    with pytest.raises(ImageNotFound):
        await site.image(image.id)
    restored = await restore(site.parts, image.id)
    assert restored.doubts == ()
    assert same(restored.image, before)
    assert same(await site.image(image.id), before)
    assert (await shared_with(site, image.id), await site.used()) == (shared, used)
    assert [name for name, _ in shared] == ["beta", "delta"]
    assert await site.parts.database.read(usage_counts.counted) == {
        project: taken.used for project, taken in used.items() if taken.used != NOTHING
    }
    query = ImageQuery(viewer=Viewer(project_id=None, is_admin=True), phrases=read_search("bücher debian"))
    assert [each.id for each in await site.parts.database.read(lambda conn: images.page(conn, query))] == [image.id]
    await site.delete(image.id)  # and once more
    assert same((await restore(site.parts, image.id)).image, before)


async def test_one_out_of_use_stays_out_of_use(site: Site) -> None:
    site.settle(delayed_delete=True)
    image = await site.active()
    await actions.deactivate(site.parts, ADMIN, image.id)
    await site.delete(image.id)
    assert len(site.objects()) == 1
    assert (await restore(site.parts, image.id)).image.status is Status.DEACTIVATED


async def test_the_data_go_when_their_time_is_over(everywhere: Site) -> None:
    site = everywhere
    site.settle(delayed_delete=True, scrub_time=3600)
    old, young = await site.active(), await site.active()
    for image in (old, young):
        await site.delete(image.id)
    assert await scrub(site.parts) == 0
    await move_deletion(site, old.id, 3601)
    assert await scrub(site.parts) == 1
    assert list(site.objects()) == [f"stores/fast/{young.id}"]
    with pytest.raises(NotRestorable, match="gone"):
        await restore(site.parts, old.id)
    assert (await restore(site.parts, young.id)).image.status is Status.ACTIVE
    assert await site.leases() == []

    async def read(conn: Connection) -> tuple[int, Status | None]:
        return await deletions.count(conn), await deletions.status(conn, old.id)

    assert await site.parts.database.read(read) == (0, Status.DELETED)


async def test_a_store_that_is_down_when_the_time_is_over(site: Site) -> None:
    site.settle(delayed_delete=True)
    image = await site.active()
    await site.delete(image.id)
    with site.away("fast"):
        assert await scrub(site.parts) == 1
        assert [lease.attempts for lease in await site.leases()] == [1]
        with pytest.raises(NotRestorable):
            await restore(site.parts, image.id)
    await site.make_due()
    assert await recover(site.parts) == 1
    assert (site.objects(), await site.leases()) == ({}, [])


async def test_without_data_there_is_nothing_to_keep(site: Site) -> None:
    site.settle(delayed_delete=True)
    image = await image_services.create(site.parts, ADMIN, {"name": "empty"})
    await site.delete(image.id)
    with pytest.raises(NotRestorable):
        await restore(site.parts, image.id)


async def test_refused(site: Site) -> None:
    site.settle(delayed_delete=True)
    image = await site.active()
    with pytest.raises(NotRestorable, match="is active: it was not deleted"):
        await restore(site.parts, image.id)
    with pytest.raises(ImageNotFound):
        await restore(site.parts, "00000000-0000-4000-8000-000000000000")
    await site.delete(image.id)
    (site.home / "stores" / "fast" / image.id).rename(site.home / "lost")
    with pytest.raises(NotRestorable, match="not there any more"):
        await restore(site.parts, image.id)
    (site.home / "lost").rename(site.home / "stores" / "fast" / image.id)
    with site.away("fast"):
        assert "fast: " in (await restore(site.parts, image.id)).doubts[0]


async def test_bringing_back_against_removing(everywhere: Site) -> None:
    """Whoever is first wins whole: the image is back with its data, or both are gone."""
    site = everywhere
    site.settle(delayed_delete=True)
    made = [await site.active(name=str(number)) for number in range(5)]
    for image in made:
        await site.delete(image.id)
        await move_deletion(site, image.id, 5)
    results = await asyncio.gather(
        scrub(site.parts), *(restore(site.parts, image.id) for image in made), return_exceptions=True
    )
    back = {result.image.id for result in results if isinstance(result, kept.Restored)}
    assert all(isinstance(result, int | kept.Restored | NotRestorable) for result in results), results
    assert {path.rpartition("/")[2] for path in site.objects()} == back
    assert await site.leases() == []
