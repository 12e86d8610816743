"""A file store whose share goes away: an empty mount point is never written to, nor believed; all heals by itself."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import delete

from intaglio.db.base import Connection
from intaglio.db.tables.added import store_marks
from intaglio.domain.status import Status
from intaglio.services import images, upload
from intaglio.services.marks import Marks, accept, recall
from intaglio.services.recovery import recover
from intaglio.stores.base import Broken, NotFound, StoreError, Unmounted
from intaglio.stores.conformance import content
from intaglio.stores.conformance_sources import PIECE, asking, noise, pieces
from intaglio.stores.drivers.file import FileStore
from intaglio.stores.drivers.file_marks import MARK
from intaglio.stores.registry import Stores, build_one
from intaglio.stores.settings import StoreSettings
from tests.deletion.site import Site, site_at
from tests.deletion.site import pieces as body
from tests.imports.stage import ADMIN
from tests.starters.databases import Databases
from tests.starters.filesystems import mounted, tmpfs

pytestmark = pytest.mark.anyio


class Share:
    """A directory that is a mount point, and what may be mounted there: real file systems."""

    def __init__(self, work: Path, stack: ExitStack) -> None:
        self.directory = work / "share"
        self.directory.mkdir()
        self.disks = [stack.enter_context(tmpfs(work / f"disk{number}", "size=64m")) for number in range(2)]
        self._stack = stack
        self._mounted: ExitStack | None = None

    def mount(self, number: int = 0) -> None:
        self._mounted = self._stack.enter_context(ExitStack())
        self._mounted.enter_context(mounted(self.directory, "--bind", self.disks[number]))

    def unmount(self) -> None:
        assert self._mounted is not None
        self._mounted.close()

    def below(self) -> list[str]:
        """What is in the directory, whatever is mounted or not."""
        return sorted(path.name for path in self.directory.rglob("*"))


@pytest.fixture
def share(tmp_path: Path) -> Iterator[Share]:
    with ExitStack() as stack:
        yield Share(tmp_path, stack)


@pytest.fixture
async def site(tmp_path: Path, share: Share) -> AsyncIterator[Site]:
    databases = Databases("sqlite", tmp_path, None)
    home = tmp_path / "home"
    home.mkdir()
    async with site_at(home, (await databases.ready()).connection) as made:
        yield made


def on_share(site: Site, share: Share) -> FileStore:
    """The site's only store is the share now, as a process that has just started sees it."""
    config = replace(site.stage.parts.stores.config("fast"), options={"filesystem_store_datadir": str(share.directory)})
    store = build_one(config)
    settings = StoreSettings(stores=(config,), default="fast", multi=True)
    site.parts = replace(site.parts, stores=Stores(settings, {"fast": store}))
    assert isinstance(store, FileStore)
    return store


@pytest.mark.real
async def test_an_empty_mount_point_is_never_written_to(share: Share, site: Site) -> None:
    share.mount()
    store = on_share(site, share)
    assert await Marks(site.parts).settle()
    kept = await site.active(b"kept" * 1000)
    share.unmount()
    calls: tuple[Callable[[], Coroutine[Any, Any, object]], ...] = (
        lambda: store.put("key", pieces(b"data")),
        lambda: store.delete(kept.id),
        lambda: store.stat(kept.id),
        lambda: store.path(kept.id),
        lambda: content(store, kept.id),
        lambda: anext(store.list()),
        store.sweep,
        store.check,
        store.prepare,
    )
    for call in calls:
        with pytest.raises(Unmounted, match=r"'fast' can only be read: .* mounted\?"):
            await call()
    assert share.below() == []
    share.mount()
    await store.check()
    assert await content(store, kept.id) == b"kept" * 1000
    await store.put("key", pieces(b"data"))
    with pytest.raises(NotFound):
        await store.stat("other")
    assert sorted([stat.key async for stat in store.list()]) == sorted([kept.id, "key"])


@pytest.mark.real
async def test_uploads_and_deletions_while_it_is_away(share: Share, site: Site) -> None:
    share.mount()
    on_share(site, share)
    await Marks(site.parts).settle()
    gone = await site.active(b"gone")
    share.unmount()
    image = await images.create(site.parts, ADMIN, {"disk_format": "raw", "container_format": "bare"})
    with pytest.raises(StoreError):
        await upload.upload(site.parts, ADMIN, image.id, body(b"data"))
    assert (await site.image(image.id)).status is Status.QUEUED
    await site.delete(gone.id)
    await site.make_due()
    assert await recover(site.parts) == 0  # an object that cannot be seen is not gone
    assert share.below() == []
    share.mount()
    await site.make_due()
    assert await recover(site.parts) == 1
    assert share.below() == [MARK]
    await upload.upload(site.parts, ADMIN, image.id, body(b"data"))


@pytest.mark.real
@pytest.mark.parametrize("named", [False, True], ids=["unnamed", "named"])
async def test_it_goes_away_while_it_is_written_to(share: Share, site: Site, named: bool) -> None:
    share.mount()
    store = on_share(site, share)
    await Marks(site.parts).settle()
    store._places[0].unnamed = not named
    left = [True]

    async def go() -> None:
        if left and left.pop():
            share.unmount()

    with pytest.raises(Broken):
        await store.put("key", asking(noise(3 * PIECE), PIECE, go))
    assert share.below() == []
    share.mount()
    assert "key" not in share.below()
    await store.put("key", pieces(b"data"))


@pytest.mark.real
async def test_another_file_system_is_mounted_there(share: Share, site: Site) -> None:
    share.mount(1)
    on_share(site, share)
    assert await Marks(site.parts).settle()
    share.unmount()
    share.mount(0)
    await site.parts.database.write(_forget_marks)
    store = on_share(site, share)
    assert await Marks(site.parts).settle()
    await store.put("key", pieces(b"data"))
    share.unmount()
    share.mount(1)
    for call in (lambda: store.put("new", pieces(b"data")), lambda: store.delete("key"), store.check):
        with pytest.raises(Unmounted, match="the mark of another store"):
            await call()
    assert share.below() == [MARK]


async def _forget_marks(conn: Connection) -> None:
    await conn.execute(delete(store_marks))


@pytest.mark.real
async def test_it_is_not_there_yet_at_the_first_start(share: Share, site: Site) -> None:
    """Images that a Glance recorded say that the directory should not be empty."""
    share.mount()
    first = on_share(site, share)
    await Marks(site.parts).settle()
    image = await site.active(b"from Glance")
    (share.directory / MARK).unlink()
    await site.parts.database.write(_forget_marks)
    share.unmount()
    store = on_share(site, share)
    marks = Marks(site.parts)
    assert not await marks.settle()
    with pytest.raises(Unmounted, match="not set up yet"):
        await store.put("key", pieces(b"data"))
    assert share.below() == []
    share.mount()
    assert await marks.settle()
    assert sorted(share.below()) == sorted([MARK, image.id])
    assert await content(store, image.id) == b"from Glance"
    await first.close()


async def test_adopting_disturbs_nothing(site: Site, tmp_path: Path) -> None:
    """The mark is the one file more; no listing shows it, and it says what it is."""
    directory = tmp_path / "glances"
    directory.mkdir()
    (directory / "d9e2f8a4-4b7e-4e31-8f4c-6d8c7c1f2a3b").write_bytes(b"image")
    store = FileStore("fast", {"filesystem_store_datadir": str(directory)})
    settings = StoreSettings(stores=(site.parts.stores.config("fast"),), default="fast")
    site.parts = replace(site.parts, stores=Stores(settings, {"fast": store}))
    assert await Marks(site.parts).settle()
    found = json.loads((directory / MARK).read_text())
    assert found["store"] == "fast"
    assert "Intaglio" in found["note"]
    assert [stat.key async for stat in store.list()] == ["d9e2f8a4-4b7e-4e31-8f4c-6d8c7c1f2a3b"]


async def test_several_processes_at_the_first_start(site: Site, tmp_path: Path) -> None:
    stores = [FileStore("fast", {"filesystem_store_datadir": str(tmp_path / "new")}) for _ in range(8)]
    settings = StoreSettings(stores=(site.stage.parts.stores.config("fast"),), default="fast")
    parts = [replace(site.parts, stores=Stores(settings, {"fast": store})) for store in stores]
    assert all(await asyncio.gather(*(Marks(each).settle() for each in parts)))
    for number, store in enumerate(stores):
        await store.put(f"key{number}", pieces(b"data"))
        await store.close()
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [MARK, *(f"key{n}" for n in range(8))]


async def test_an_operator_says_that_it_is_right(site: Site) -> None:
    store = site.parts.stores["fast"]
    mark = site.home / "stores" / "fast" / MARK
    mark.unlink()
    with pytest.raises(Unmounted):
        await store.check()
    await accept(site.parts, "fast")
    await store.check()
    await recall(site.parts)
    await store.put("key", pieces(b"data"))
