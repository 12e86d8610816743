"""The file store's own: Glance's layout, location URIs and options."""

import os
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.stores.base import Broken, Exists, Full, Misconfigured, NotFound
from intaglio.stores.conformance import content
from intaglio.stores.conformance_sources import PIECE, noise, pieces
from intaglio.stores.drivers.file import FileStore
from intaglio.stores.drivers.file_write import sweep
from tests.starters.filesystems import tmpfs

pytestmark = pytest.mark.anyio
ID = "71c675ab-d94f-49cd-a114-e12490b328d9"

Make = Callable[..., FileStore]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    """Makes prepared stores in tmp_path/images and closes them."""
    stores: list[FileStore] = []

    def new(**options: object) -> FileStore:
        if "filesystem_store_datadirs" not in options:
            options.setdefault("filesystem_store_datadir", str(tmp_path / "images"))
        stores.append(FileStore("disk", options))
        return stores[-1]

    yield new
    for store in stores:
        await store.close()


async def prepared(store: FileStore) -> FileStore:
    await store.prepare()
    return store


async def test_layout_and_uri_are_glances(make: Make, tmp_path: Path) -> None:
    store = await prepared(make())
    await store.put(ID, pieces(b"data"))
    assert (tmp_path / "images" / ID).read_bytes() == b"data"
    assert store.uri(ID) == f"file://{tmp_path}/images/{ID}"
    assert [path.name for path in (tmp_path / "images").iterdir()] == [ID]


def test_the_directory_stands_in_uris_as_the_operator_wrote_it() -> None:
    assert FileStore("disk", {"filesystem_store_datadir": "/a/b/"}).uri(ID) == f"file:///a/b/{ID}"
    assert FileStore("disk", {"filesystem_store_datadir": "/a//b/."}).uri(ID) == f"file:///a//b/./{ID}"
    assert FileStore("disk", {}).uri(ID) == f"file:///var/lib/glance/images/{ID}"


@pytest.mark.parametrize(
    "uri",
    ["file:///a/b/key", "filesystem:///a/b/key", "file:///a//b/key", "file:////a/./b/key", " file:///a/b/key\n"],
)
def test_uris_of_rows_are_understood(uri: str) -> None:
    assert FileStore("disk", {"filesystem_store_datadir": "/a/b"}).adopt(uri.strip()) == "key"


@pytest.mark.parametrize(
    "uri",
    [
        "file:///a/b/../b/key",
        "file:///a/b/c/key",
        "file:///a/key",
        "file:///a/b/",
        "file:///a/b/.hidden",
        "file:///a/bc/key",
        "file:/a/b/key",
        "http:///a/b/key",
        "/a/b/key",
    ],
)
def test_other_uris_are_not(uri: str) -> None:
    with pytest.raises(NotFound):
        FileStore("disk", {"filesystem_store_datadir": "/a/b"}).adopt(uri)


@given(st.text(max_size=40))
def test_no_uri_leads_out_of_the_directory(tail: str) -> None:
    store = FileStore("disk", {"filesystem_store_datadir": "/a/b"})
    for uri in (f"file:///a/b/{tail}", f"file://{tail}", tail):
        try:
            key = store.adopt(uri)
        except NotFound:
            continue
        assert os.path.dirname(os.path.normpath(f"/a/b/{key}")) == "/a/b"  # noqa: PTH120 - pathlib does not normalise


async def test_what_glance_left_is_just_an_object(make: Make, tmp_path: Path) -> None:
    store = await prepared(make())
    (tmp_path / "images" / ID).write_bytes(noise(PIECE + 5))
    assert await content(store, ID) == noise(PIECE + 5)
    assert [found.key async for found in store.list()] == [ID]
    with pytest.raises(Exists):
        await store.put(ID, pieces(b"data"))
    await store.delete(ID)
    assert list((tmp_path / "images").iterdir()) == []


async def test_only_plain_files_are_objects(make: Make, tmp_path: Path) -> None:
    store = await prepared(make())
    (tmp_path / "images" / "directory").mkdir()
    (tmp_path / "images" / ".hidden").touch()
    os.mkfifo(tmp_path / "images" / "fifo")
    (tmp_path / "images" / "dangling").symlink_to("nowhere")
    assert [found async for found in store.list()] == []
    for key in ("directory", "fifo", "dangling"):
        with pytest.raises(NotFound):
            await content(store, key)
        with pytest.raises(NotFound):
            await store.delete(key)
        with pytest.raises(Exists):
            await store.put(key, pieces(b"data"))


async def test_a_file_that_shrinks_under_a_reader_is_not_a_short_read(make: Make, tmp_path: Path) -> None:
    store = await prepared(make())
    await store.put(ID, pieces(noise(8 * PIECE)))
    reader = store.open(ID)
    await anext(reader)
    os.truncate(tmp_path / "images" / ID, 5 * PIECE + 1)
    with pytest.raises(Broken, match=f"ended at byte {5 * PIECE + 1}"):
        assert [piece async for piece in reader] == []


@pytest.mark.parametrize("chunk", [1000, 65536, PIECE, PIECE + 1])
async def test_thin_objects_take_no_space_for_zeros(make: Make, tmp_path: Path, chunk: int) -> None:
    data = bytes(4 * PIECE) + noise(70_000) + bytes(20 * PIECE) + b"end" + bytes(3 * PIECE)
    thick, thin = await prepared(make()), await prepared(make(filesystem_thin_provisioning=True))
    await thick.put("thick", pieces(data))
    await thin.put("thin", pieces(data, chunk))
    assert await content(thin, "thin") == data
    assert (tmp_path / "images" / "thin").stat().st_size == len(data)
    assert (tmp_path / "images" / "thin").stat().st_blocks * 512 < PIECE
    assert (tmp_path / "images" / "thick").stat().st_blocks * 512 >= len(data)
    assert thin.abilities.sparse
    assert not thick.abilities.sparse


async def test_permissions(make: Make, tmp_path: Path) -> None:
    directory = tmp_path / "images"
    directory.mkdir(mode=0o700)
    store = await prepared(make(filesystem_store_file_perm=0o644))
    await store.put(ID, pieces(b"data"))
    assert stat.S_IMODE((directory / ID).stat().st_mode) == 0o644
    assert stat.S_IMODE(directory.stat().st_mode) == 0o711


async def test_permissions_by_the_umask(make: Make, tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        store = await prepared(make())
        await store.put(ID, pieces(b"data"))
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "images" / ID).stat().st_mode) == 0o640


@pytest.mark.parametrize("one", [False, True])
async def test_location_metadata_by_mount_point(make: Make, tmp_path: Path, one: bool) -> None:
    mounts: list[dict[str, str]] = [
        {"id": "other", "mountpoint": str(tmp_path / "ima")},
        {"id": "share", "mountpoint": str(tmp_path / "images")},
    ]
    file = tmp_path / "mounts.json"
    file.write_bytes(msgspec.json.encode(mounts[1] if one else mounts))
    assert make(filesystem_store_metadata_file=str(file)).metadata(ID) == mounts[1]
    assert make().metadata(ID) == {}


@pytest.mark.parametrize("text", ["", "{", "[]x", '{"id": 1, "mountpoint": "/"}', '[{"id": "x"}]', '"text"'])
def test_a_bad_metadata_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "mounts.json").write_text(text)
    with pytest.raises(Misconfigured, match=r"mounts\.json"):
        FileStore("disk", {"filesystem_store_metadata_file": str(tmp_path / "mounts.json")})


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"filesystem_store_datadir": "relative"}, "absolute"),
        ({"filesystem_store_datadir": "/a", "filesystem_store_datadirs": ["/b"]}, "not both"),
        ({"filesystem_store_datadirs": ["/a:1", "/a:2"]}, "two priorities"),
        ({"filesystem_store_datadirs": ["/a:1", "/b:high"]}, "path:priority"),
        ({"filesystem_store_chunk_size": 0}, "filesystem_store_chunk_size"),
        ({"filesystem_store_thread_pool_size": 0}, "filesystem_store_thread_pool_size"),
        ({"filesystem_store_timeout": -1}, "filesystem_store_timeout"),
        ({"filesystem_store_file_perm": 0o040}, "filesystem_store_file_perm"),
        ({"filesystem_store_metadata_file": "/nowhere"}, "filesystem_store_metadata_file"),
        ({"filesystem_store_colour": "blue"}, "filesystem_store_colour"),
    ],
)
def test_wrong_options_are_named(options: dict[str, object], named: str) -> None:
    with pytest.raises(Misconfigured, match=named) as refused:
        FileStore("disk", options)
    assert "'disk'" in str(refused.value)


@pytest.fixture
def disks(tmp_path: Path) -> Iterator[Path]:
    """A directory with three small file systems in it."""
    with (
        tmpfs(tmp_path / "small", "size=4m"),
        tmpfs(tmp_path / "large", "size=8m"),
        tmpfs(tmp_path / "reserve", "size=20m"),
    ):
        yield tmp_path


@pytest.mark.real
async def test_directories_by_priority_then_by_room(disks: Path) -> None:
    directories = [f"{disks}/reserve", f"{disks}/small:10", f"{disks}/large:10"]
    store = FileStore("disk", {"filesystem_store_datadirs": directories})
    for key, hint, where in (
        ("first", PIECE, "large"),
        ("unknown", None, "large"),
        ("big", 7 * PIECE, "reserve"),
    ):
        await store.put(key, pieces(noise(PIECE)), size_hint=hint)
        assert (disks / where / key).is_file()
        assert store.uri(key) == f"file://{disks}/{where}/{key}"
        assert await content(store, key) == noise(PIECE)
    with pytest.raises(Full):
        await store.put("huge", pieces(b"data"), size_hint=50 * PIECE)
    assert {found.key async for found in store.list()} == {"first", "unknown", "big"}
    for where in ("small", "large"):
        with pytest.raises(Exists):
            await store.put("big", pieces(b"data"), size_hint=1)
        assert not (disks / where / "big").exists()
    await store.close()


async def test_which_directory_is_known_after_a_look(make: Make, tmp_path: Path) -> None:
    directories = [f"{tmp_path}/a:2", f"{tmp_path}/b:1"]
    store = await prepared(make(filesystem_store_datadirs=directories))
    (tmp_path / "b" / "key").write_bytes(b"data")
    with pytest.raises(NotFound, match="look at key first"):
        store.uri("key")
    await store.stat("key")
    assert store.uri("key") == f"file://{tmp_path}/b/key"
    assert store.adopt(f"file://{tmp_path}/a/other") == "other"
    assert store.uri("other") == f"file://{tmp_path}/a/other"


async def test_a_lost_directory_among_several(make: Make, tmp_path: Path) -> None:
    directories = [f"{tmp_path}/a:2", f"{tmp_path}/b:1"]
    store = await prepared(make(filesystem_store_datadirs=directories))
    await store.put("in-a", pieces(b"a"))
    (tmp_path / "a").rename(tmp_path / "away")
    await store.put("in-b", pieces(b"b"))
    assert await content(store, "in-b") == b"b"
    with pytest.raises(Broken):
        await store.stat("in-a")
    with pytest.raises(Broken):
        await store.check()


async def test_a_sweep_removes_only_what_is_nobodys(make: Make, tmp_path: Path) -> None:
    store = await prepared(make())
    hidden = tmp_path / "images" / ".intaglio"
    hidden.mkdir()
    (hidden / "key.0123").write_bytes(b"left by the dead")
    (hidden / "lock").touch()
    assert await store.sweep() == 1
    assert [path.name for path in hidden.iterdir()] == ["lock"]
    assert sweep(store._places[0]) == 0
