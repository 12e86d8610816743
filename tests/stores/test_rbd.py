"""The RBD store beside everything else that lives in a pool: clones, other tools, readers, writers that died."""

import asyncio
import contextlib
import gc
import signal
import subprocess
import sys
import time
import tracemalloc
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import pytest

from intaglio.stores.base import Broken, Busy, Chunk, Denied, Exists, NotFound, StoreError
from intaglio.stores.conformance import content
from intaglio.stores.conformance_sources import PIECE, noise, pieces
from intaglio.stores.drivers.rbd import RbdStore
from tests.starters.base import wait_until
from tests.starters.ceph import READER, Ceph
from tests.stores.rbd_stores import change, images, info, objects, options, rbd, store, trash

pytestmark = [pytest.mark.real, pytest.mark.anyio]


@pytest.fixture(scope="module")
def pool(ceph_cluster: Ceph) -> str:
    return ceph_cluster.make_pool(f"test-{uuid.uuid4().hex}")


@pytest.fixture
async def images_store(ceph_cluster: Ceph, pool: str) -> AsyncIterator[RbdStore]:
    """A store in a pool in which nothing at all may be left."""
    made = store(ceph_cluster, pool)
    yield made
    await made.close()
    assert objects(ceph_cluster, pool) == []


async def test_images_are_as_glance_makes_them(ceph_cluster: Ceph, pool: str, images_store: RbdStore) -> None:
    data = noise(9 * PIECE)
    await images_store.put("key", pieces(data))
    found = info(ceph_cluster, pool, "key")
    assert (found["size"], found["order"]) == (len(data), 23)
    assert "layering" in found["features"]
    assert [(each["name"], each["protected"]) for each in rbd(ceph_cluster, pool, "snap", "ls", "key")] == [
        ("snap", "true")
    ]
    assert images_store.uri("key") == f"rbd://{ceph_cluster.fsid}/{pool}/key/snap"
    assert images_store.learned() == {"fsid": ceph_cluster.fsid}
    await images_store.delete("key")


async def test_zeros_take_no_space(ceph_cluster: Ceph, pool: str, images_store: RbdStore) -> None:
    """Only where that is asked for; what is read is the same."""
    data = noise(PIECE) + bytes(30 * PIECE) + noise(PIECE, seed=2)
    thin = store(ceph_cluster, pool, rbd_thin_provisioning=True)
    assert thin.abilities.sparse
    for each, blocks in ((thin, 2), (images_store, 4)):
        await each.put("key", pieces(data), size_hint=len(data))
        assert await content(images_store, "key") == data
        assert sum(name.startswith("rbd_data.") for name in objects(ceph_cluster, pool)) == blocks
        await images_store.delete("key")
    await thin.close()


async def test_memory_is_given_back_at_once(images_store: RbdStore) -> None:
    """Not when the collector of cycles comes by: a block is 8 MiB."""
    data = noise(PIECE)

    async def source() -> AsyncGenerator[Chunk, None]:
        for _ in range(30):
            yield [data]

    await images_store.check()
    gc.disable()
    tracemalloc.start()
    try:
        for _ in range(2):
            await images_store.put("key", source())
            async for _piece in images_store.open("key"):
                pass
            await images_store.delete("key")
        left, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()
    assert left < 2 * PIECE
    assert most < 70 * PIECE


async def test_a_clone_outlives_its_image(
    ceph_cluster: Ceph, pool: str, images_store: RbdStore, tmp_path: Path
) -> None:
    """The image is gone for everybody, but its blocks stay in the trash until the last clone is flattened."""
    data = noise(3 * PIECE)
    await images_store.put("key", pieces(data))
    change(ceph_cluster, pool, "clone", f"{pool}/key@snap", f"{pool}/disk", "--rbd-default-clone-format", "1")
    await images_store.delete("key")
    with pytest.raises(NotFound):
        await images_store.stat("key")
    assert images(ceph_cluster, pool) == ["disk"]
    assert len(trash(ceph_cluster, pool)) == 1
    assert await images_store.sweep() == 0
    change(ceph_cluster, pool, "export", "disk", str(tmp_path / "disk"))
    assert (tmp_path / "disk").read_bytes() == data
    await images_store.put("key", pieces(noise(5)))  # the name is free
    await images_store.delete("key")
    change(ceph_cluster, pool, "flatten", "disk")
    assert await images_store.sweep() == 1
    assert trash(ceph_cluster, pool) == []
    change(ceph_cluster, pool, "export", "disk", str(tmp_path / "flat"))
    assert (tmp_path / "flat").read_bytes() == data
    change(ceph_cluster, pool, "rm", "disk")


async def test_snapshots_of_others_are_not_removed(ceph_cluster: Ceph, pool: str, images_store: RbdStore) -> None:
    await images_store.put("key", pieces(b"data"))
    change(ceph_cluster, pool, "snap", "create", "key@backup")
    await images_store.delete("key")
    [name] = trash(ceph_cluster, pool)
    assert await images_store.sweep() == 0
    [entry] = rbd(ceph_cluster, pool, "trash", "ls", "--all")
    change(ceph_cluster, pool, "snap", "purge", "--image-id", entry["id"])
    assert await images_store.sweep() == 1
    assert name.endswith(".key")


async def test_images_of_others_are_left_alone(ceph_cluster: Ceph, pool: str, images_store: RbdStore) -> None:
    """They are no objects, no leftovers, and their names are taken."""
    for name in ("volume", "a b"):
        change(ceph_cluster, pool, "create", name, "--size", "1")
    change(ceph_cluster, pool, "trash", "mv", "a b")
    assert [found async for found in images_store.list()] == []
    assert await images_store.sweep() == 0
    with pytest.raises(NotFound):
        await images_store.stat("volume")
    with pytest.raises(Exists):
        await images_store.put("volume", pieces(b"data"))
    assert (images(ceph_cluster, pool), trash(ceph_cluster, pool)) == (["volume"], ["a b"])
    change(ceph_cluster, pool, "trash", "purge")
    change(ceph_cluster, pool, "rm", "volume")


async def test_the_oldest_images_have_no_snapshot(ceph_cluster: Ceph, pool: str, images_store: RbdStore) -> None:
    change(ceph_cluster, pool, "create", "old", "--size", "1")
    assert images_store.adopt("rbd://old") == "old"
    assert (await images_store.stat("old")).size == PIECE
    assert await content(images_store, "old") == bytes(PIECE)
    await images_store.delete("old")


async def test_a_reader_elsewhere_reads_to_the_end(ceph_cluster: Ceph, pool: str, images_store: RbdStore) -> None:
    """Its image is removed when it has gone, by a sweep."""
    data = noise(12 * PIECE)
    await images_store.put("key", pieces(data))
    elsewhere = store(ceph_cluster, pool)
    async with contextlib.aclosing(elsewhere.open("key")) as reader:
        got = await anext(reader)
        await images_store.delete("key")
        assert await images_store.sweep() == 0
        with pytest.raises(NotFound):
            await images_store.stat("key")
        async for piece in reader:
            got += piece
    assert got == data
    await elsewhere.close()
    assert await images_store.sweep() == 1


_WRITER = """
import asyncio, sys
from intaglio.stores.drivers.rbd import RbdStore

async def source():
    yield [bytes(20 << 20)]
    print("half", flush=True)
    await asyncio.sleep(600)

asyncio.run(RbdStore("rbd", dict(word.split("=") for word in sys.argv[1:])).put("key", source()))
"""


@pytest.mark.parametrize("how", ["sweep", "delete"])
async def test_what_a_dead_writer_left(ceph_cluster: Ceph, pool: str, images_store: RbdStore, how: str) -> None:
    """While it lives nobody takes its image; when the cluster has noticed its death, a sweep or a delete removes it."""
    words = [f"{name}={value}" for name, value in options(ceph_cluster, pool).items()]
    command = [sys.executable, "-c", _WRITER, *words]
    with await asyncio.to_thread(subprocess.Popen, command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert await asyncio.to_thread(writer.stdout.readline) == b"half\n"
        assert await images_store.sweep() == 0
        assert images(ceph_cluster, pool) == [".intaglio-upload-0.key"]
        assert [found async for found in images_store.list()] == []
        writer.send_signal(signal.SIGKILL)
    async with asyncio.timeout(60):
        if how == "sweep":
            while await images_store.sweep() == 0:  # noqa: ASYNC110 - the cluster tells nobody
                await asyncio.sleep(0.2)
        else:
            await _until_removed(images_store)
    assert images(ceph_cluster, pool) == []


async def _until_removed(images_store: RbdStore) -> None:
    """A delete tells to come again until nobody can be writing."""
    while True:
        try:
            await images_store.delete("key")
        except Busy as error:
            assert "died a moment ago" in str(error)  # noqa: PT017 - it may be the first attempt that succeeds
            await asyncio.sleep(0.2)
        except NotFound:
            return


@pytest.mark.parametrize("moved", [False, True], ids=["before-the-list", "after-the-list"])
async def test_an_interrupted_renaming(ceph_cluster: Ceph, pool: str, images_store: RbdStore, moved: bool) -> None:
    """An image has two names for a moment; who deletes it when a crash kept them leaves neither."""
    await images_store.put("key", pieces(b"data"))
    private = ".intaglio-upload-0.key"
    if not moved:
        change(ceph_cluster, pool, "mv", "key", private)
    identity = Path(str(ceph_cluster.directory), f"id-{uuid.uuid4().hex}")
    ceph_cluster.run("rados", "--pool", pool, "get", f"rbd_id.{'key' if moved else private}", str(identity))
    ceph_cluster.run("rados", "--pool", pool, "put", f"rbd_id.{private if moved else 'key'}", str(identity))
    assert await content(images_store, "key") == b"data"
    with contextlib.nullcontext() if moved else pytest.raises(NotFound):  # it had not got its name
        await images_store.delete("key")


@pytest.mark.parametrize(
    ("wrong", "kind", "words"),
    [
        ({"rbd_store_pool": "nowhere"}, Broken, "has no pool 'nowhere', which rbd_store_pool names"),
        ({"rbd_store_user": "stranger"}, StoreError, "stranger"),
        ({"rbd_store_ceph_conf": "/nowhere/ceph.conf"}, Broken, "the file /nowhere/ceph.conf of rbd_store_ceph_conf"),
    ],
    ids=["pool", "user", "file"],
)
async def test_wrong_options_are_said(
    ceph_cluster: Ceph, pool: str, wrong: dict[str, object], kind: type[StoreError], words: str
) -> None:
    made = store(ceph_cluster, pool, **wrong)
    for use in (made.check(), made.stat("key"), made.put("key", pieces(b"data"))):
        with pytest.raises(kind, match=words):
            await use
    await made.close()


async def test_who_ceph_asks_for_by_itself(ceph_cluster: Ceph, pool: str) -> None:
    """Without `rbd_store_user`; Glance would ask for a user named None."""
    chosen = options(ceph_cluster, pool)
    del chosen["rbd_store_user"]
    made = RbdStore("rbd", chosen)
    await made.check()
    await made.close()


async def test_a_wrong_key_is_said(ceph_cluster: Ceph, pool: str, tmp_path: Path) -> None:
    made = _with_key(ceph_cluster, pool, tmp_path, "AQAAAAAAAAAAABAAAAAAAAAAAAAAAAAAAAAAAA==")
    with pytest.raises(Denied, match=r"client\.images"):
        await made.check()
    await made.close()


def _with_key(cluster: Ceph, pool: str, directory: Path, key: str) -> RbdStore:
    (directory / "keyring").write_text(f"[client.images]\nkey = {key}\n")
    changed = cluster.conf.read_text().replace(f"keyring = {cluster.directory}/", f"keyring = {directory}/")
    (directory / "ceph.conf").write_text(changed)
    return store(cluster, pool, rbd_store_ceph_conf=str(directory / "ceph.conf"))


async def test_who_may_only_read(ceph_cluster: Ceph, pool: str, images_store: RbdStore) -> None:
    await images_store.put("key", pieces(b"data"))
    onlooker = store(ceph_cluster, pool, rbd_store_user=READER)
    await onlooker.check()
    assert (await onlooker.stat("key")).size == 4
    with pytest.raises(Denied, match="capabilities"):
        await onlooker.put("other", pieces(b"data"))
    with pytest.raises(Denied, match="capabilities"):
        await onlooker.delete("key")
    await onlooker.close()
    await images_store.delete("key")


async def test_shut_out_by_the_cluster_it_comes_back(ceph_cluster: Ceph, pool: str, images_store: RbdStore) -> None:
    """Who fences this client ends what it is doing; the next call has a new connection."""
    await images_store.put("key", pieces(noise(PIECE)))
    [watcher] = await _watchers_while_reading(ceph_cluster, pool, images_store)
    ceph_cluster.ask("osd", "blocklist", "add", watcher, "60")
    wait_until(lambda: watcher in ceph_cluster.ask("osd", "dump")["blocklist"], "the blocklist")
    before = images_store._link.take()
    images_store._link.give(before)
    async with asyncio.timeout(60):
        while True:
            try:
                found = await images_store.stat("key")
                await images_store.delete("key")
                break
            except Busy as error:
                assert "shut this client out" in str(error)  # noqa: PT017 - when it notices is the cluster's affair
    assert found.size == PIECE
    assert images_store._link._pool is not before


async def _watchers_while_reading(cluster: Ceph, pool: str, images_store: RbdStore) -> list[str]:
    async with contextlib.aclosing(images_store.open("key")) as reader:
        await anext(reader)
        status = await asyncio.to_thread(rbd, cluster, pool, "status", "key")
    return [each["address"] for each in status["watchers"]]


async def test_a_listing_says_when_images_were_written(images_store: RbdStore) -> None:
    """By which what nobody knows of is told from what was written a moment ago."""
    begun = int(time.time())
    await images_store.put("key", pieces(noise(PIECE)))
    [found] = [stat async for stat in images_store.list()]
    assert found.modified is not None
    assert begun <= found.modified <= time.time()
    assert (await images_store.stat("key")).modified is None
    await images_store.delete("key")
