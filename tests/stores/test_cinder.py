"""The Cinder store in a real Cinder: what its volumes are like, who may have one, and what the dead leave behind."""

import asyncio
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

import pytest

from intaglio.stores.base import Broken, Busy, Chunk, Denied, Full, NotFound, StoreError
from intaglio.stores.conformance import content
from intaglio.stores.conformance_sources import PIECE, noise, pieces
from intaglio.stores.drivers import cinder_volumes, cinder_write
from intaglio.stores.drivers.cinder import CinderStore
from intaglio.stores.drivers.cinder_api import Api
from tests.starters.base import free_port, wait_until
from tests.starters.cinder import PLAIN, SHARED
from tests.starters.cinder_shared import Block
from tests.starters.keystone_people import caller
from tests.stores.cinder_stores import load_ceph, options, store, until_gone, volumes

pytestmark = [pytest.mark.real, pytest.mark.anyio]


@pytest.fixture(scope="module", autouse=True)
def _ceph_modules(block: Block) -> None:
    load_ceph()


@pytest.fixture
def name() -> str:
    """The id of a store that no other test has."""
    return f"store-{uuid.uuid4().hex}"


@pytest.fixture
async def kept(block: Block, tmp_path: Path, name: str) -> AsyncIterator[CinderStore]:
    """A store that has no volumes at the end, and none that was attached."""
    made = store(block, tmp_path, name)
    yield made
    await made.close()
    await asyncio.to_thread(wait_until, lambda: not volumes(block, intaglio_store=name), "their removal", 20)


async def test_volumes_are_as_glance_makes_them(block: Block, name: str, kept: CinderStore) -> None:
    stat = await kept.put("key", pieces(noise(5 * PIECE)))
    [found] = volumes(block, intaglio_store=name)
    assert (found["id"], found["name"], found["size"]) == (stat.key, "image-key", 1)
    assert (found["status"], found["attachments"], found["volume_type"]) == ("available", [], PLAIN)
    assert found["metadata"] == {
        "glance_image_id": "key",
        "image_size": str(5 * PIECE),
        "intaglio_store": name,
        "readonly": "True",
    }
    await kept.attribute("key", "somebody")
    assert volumes(block, intaglio_store=name)[0]["metadata"] == found["metadata"] | {"image_owner": "somebody"}
    assert kept.uri("key") == kept.uri(stat.key) == f"cinder://{name}/{stat.key}"
    assert [each.key async for each in kept.list()] == [stat.key]
    await kept.delete(kept.adopt(kept.uri("key")))
    with pytest.raises(NotFound):
        await kept.stat("key")


@pytest.mark.parametrize("online", [False, True], ids=["detached", "attached"])
async def test_volumes_grow(
    block: Block, tmp_path: Path, name: str, kept: CinderStore, online: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if a gibibyte were 6 MiB: of a size that is not known there are three of them in the end."""
    for module in (cinder_volumes, cinder_write):
        monkeypatch.setattr(module, "GIB", 6 * PIECE)
    data = noise(15 * PIECE + 1)
    growing = store(block, tmp_path, name, cinder_do_extend_attached=online)
    await growing.put("key", pieces(data))
    assert [each["size"] for each in volumes(block, intaglio_store=name)] == [3]
    assert await content(kept, "key") == data
    await kept.delete("key")
    await growing.close()


async def test_readers_of_one_process_share(block: Block, name: str, kept: CinderStore) -> None:
    """Even of a volume that only one may have; who deletes it meanwhile does not disturb them."""
    data = noise(9 * PIECE)
    await kept.put("key", pieces(data))
    async with aclosing(kept.open("key")) as one, aclosing(kept.open("key", PIECE)) as other:
        first, second = await anext(one), await anext(other)
        [found] = volumes(block, intaglio_store=name)
        assert [each["device"].startswith("intaglio:") for each in found["attachments"]] == [True]
        await kept.delete("key")
        with pytest.raises(NotFound):
            await content(kept, "key")
        assert b"".join([first, *[piece async for piece in one]]) == data
        assert b"".join([second, *[piece async for piece in other]]) == data[PIECE:]


async def test_another_process_waits_for_its_turn(block: Block, tmp_path: Path, name: str, kept: CinderStore) -> None:
    await kept.put("key", pieces(noise(9 * PIECE)))
    patient, hasty = (store(block, tmp_path, name, cinder_attachment_retry_attempts=n) for n in (5, 1))
    async with aclosing(kept.open("key")) as reader:
        await anext(reader)
        with pytest.raises(Busy, match="status must be"):
            await content(hasty, "key")
        waiting = asyncio.create_task(content(patient, "key", 0, 5))
        async for _ in reader:
            pass
    assert await waiting == noise(9 * PIECE)[:5]
    for each in (patient, hasty):
        await each.close()
    await kept.delete("key")


async def test_the_last_reader_removes_what_another_process_deleted(
    block: Block, tmp_path: Path, name: str, kept: CinderStore
) -> None:
    await kept.put("key", pieces(noise(9 * PIECE)))
    other = store(block, tmp_path, name)
    async with aclosing(kept.open("key")) as reader:
        got = await anext(reader)
        await other.delete("key")
        assert [each["status"] for each in volumes(block, intaglio_store=name)] == ["in-use"]
        assert got + b"".join([piece async for piece in reader]) == noise(9 * PIECE)
    await other.close()
    await asyncio.to_thread(wait_until, lambda: not volumes(block, intaglio_store=name), "its removal", 20)


async def test_volumes_that_several_may_have(block: Block, tmp_path: Path, name: str, kept: CinderStore) -> None:
    stores = [store(block, tmp_path, name, cinder_volume_type=SHARED) for _ in range(2)]
    data = noise(9 * PIECE)
    await stores[0].put("key", pieces(data))
    async with aclosing(stores[0].open("key")) as one, aclosing(stores[1].open("key")) as other:
        got = [await anext(one), await anext(other)]
        [found] = volumes(block, intaglio_store=name)
        assert len(found["attachments"]) == 2
        assert (got[0] + b"".join([piece async for piece in one])) == data
        assert (got[1] + b"".join([piece async for piece in other])) == data
    for each in stores:
        await each.close()
    await kept.delete("key")


# Nothing is left


@pytest.mark.parametrize(
    ("step", "how"),
    [
        ("create", "cancelled"),
        ("create", "failed"),
        ("reserve", "failed"),
        ("connect", "cancelled"),
        ("complete", "failed"),
        ("detach", "failed"),
        ("protect", "cancelled"),
        ("replace_metadata", "cancelled"),
        ("replace_metadata", "failed"),
    ],
)
async def test_an_upload_that_ends_at_any_step(
    block: Block, name: str, kept: CinderStore, step: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Cinder was asked for is done, and nobody hears of it."""
    loop, writer = asyncio.get_running_loop(), asyncio.create_task(kept.put("key", pieces(noise(5 * PIECE))))
    real: Callable[..., Any] = getattr(Api, step)
    first = threading.Event()

    def ending(*words: Any) -> Any:
        if first.is_set():
            return real(*words)
        first.set()
        if how == "cancelled":
            loop.call_soon_threadsafe(writer.cancel)
            return real(*words)
        real(*words)
        raise Busy("the answer was lost")

    monkeypatch.setattr(Api, step, ending)
    done = await asyncio.gather(writer, return_exceptions=True)
    if step == "detach" and how == "failed":
        assert "could not be detached" in str(done[0])
    else:
        assert isinstance(done[0], asyncio.CancelledError if how == "cancelled" else Busy)
    with pytest.raises(NotFound):
        await kept.stat("key")
    await _until_swept(block, name, kept)


async def _until_swept(block: Block, name: str, kept: CinderStore) -> None:
    """What could not be taken back at once a sweep removes."""
    async with asyncio.timeout(60):
        while volumes(block, intaglio_store=name):
            await kept.sweep()
            await asyncio.sleep(0.2)


_OTHER = """
import asyncio, json, sys
from intaglio.stores.drivers.cinder import CinderStore

async def source():
    yield [bytes(9 << 20)]
    print("half", flush=True)
    await asyncio.sleep(600)

async def main():
    store = CinderStore(sys.argv[1], json.loads(sys.stdin.readline()))
    if sys.argv[2] == "write":
        await store.put("key", source())
    async for _ in store.open("key"):
        print("half", flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


async def _killed(block: Block, tmp_path: Path, name: str, doing: str, meanwhile: CinderStore) -> None:
    """Another process that dies half-way; while it lives a sweep leaves everything to it."""
    words = [sys.executable, "-c", _OTHER, name, doing]
    given = str(options(block, tmp_path)).replace("'", '"')
    with await asyncio.to_thread(
        subprocess.Popen, words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        await asyncio.to_thread(other.stdin.write, f"{given}\n")
        other.stdin.close()
        assert await asyncio.to_thread(other.stdout.readline) == "half\n"
        assert await meanwhile.sweep() == 0
        [found] = volumes(block, intaglio_store=name)
        assert found["status"] == "in-use"
        other.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("how", ["sweep", "delete"])
async def test_what_a_dead_writer_left(block: Block, tmp_path: Path, name: str, kept: CinderStore, how: str) -> None:
    await _killed(block, tmp_path, name, "write", kept)
    assert [each async for each in kept.list()] == []
    if how == "delete":
        with pytest.raises(NotFound):
            await kept.delete("key")
    await _until_swept(block, name, kept)


async def test_what_a_dead_reader_left(block: Block, tmp_path: Path, name: str, kept: CinderStore) -> None:
    data = noise(9 * PIECE)
    await kept.put("key", pieces(data))
    await _killed(block, tmp_path, name, "read", kept)
    assert await kept.sweep() == 1
    [found] = volumes(block, intaglio_store=name)
    assert (found["status"], found["attachments"]) == ("available", [])
    assert await content(kept, "key") == data
    await kept.delete("key")


async def test_what_a_writer_elsewhere_left(
    block: Block, name: str, kept: CinderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody here can see whether it lives: it has a day since it last said so."""
    monkeypatch.setattr("intaglio.stores.drivers.cinder_volumes.this_process", lambda: "another-boot:1:2:3")
    monkeypatch.setattr(cinder_write, "_SEEN_SECONDS", 0)

    async def source() -> AsyncGenerator[Chunk, None]:
        yield [noise(9 * PIECE)]
        assert await kept.sweep() == 0
        kept._own.clear()
        assert await kept.sweep() == 0
        [found] = volumes(block, intaglio_store=name)
        assert found["metadata"]["intaglio_seen"].isdecimal()
        monkeypatch.setattr("intaglio.stores.drivers.cinder_sweep.ABANDONED", -60.0)
        assert await kept.sweep() >= 1

    with pytest.raises(StoreError):
        await kept.put("key", source())
    await _until_swept(block, name, kept)


# Whose volumes they are


async def test_volumes_of_others_are_left_alone(block: Block, tmp_path: Path, name: str, kept: CinderStore) -> None:
    """Another store in the same project, and another service: an image has a volume in each."""
    await kept.put("key", pieces(b"data"))
    other = store(block, tmp_path, f"other-{name}")
    for call in (other.stat("key"), other.delete("key")):
        with pytest.raises(NotFound):
            await call
    await other.put("key", pieces(b"others"))
    assert (await content(kept, "key"), await content(other, "key")) == (b"data", b"others")
    with pytest.raises(NotFound):
        other.adopt(kept.uri("key"))
    await other.delete("key")
    await other.close()
    assert await content(kept, "key") == b"data"
    await kept.delete("key")


# What is wrong is said


@pytest.mark.parametrize(
    ("wrong", "kind", "words"),
    [
        ({"cinder_store_password": "wrong"}, Denied, "refuses the credentials"),
        ({"cinder_os_region_name": "nowhere"}, Broken, "see cinder_catalog_info, cinder_os_region_name"),
        ({"cinder_volume_type": "nothing"}, Broken, "no volume type 'nothing'; see cinder_volume_type"),
        ({"cinder_endpoint_template": "http://127.0.0.1:1/v3/%(project_id)s"}, Busy, "does not answer"),
    ],
    ids=["password", "region", "type", "endpoint"],
)
async def test_wrong_options_are_said(
    block: Block, tmp_path: Path, wrong: dict[str, Any], kind: type[StoreError], words: str
) -> None:
    made = store(block, tmp_path, cinder_http_retries=0, **wrong)
    with pytest.raises(kind, match=words):
        await made.check()
    await made.close()


async def test_a_service_that_says_nothing(block: Block, tmp_path: Path) -> None:
    """It accepts connections and answers none; nobody waits for ever."""
    with socket.create_server(("127.0.0.1", free_port())) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/v3"
        chosen = options(block, tmp_path, cinder_store_auth_address=address, cinder_http_retries=0)
        made = CinderStore("volumes", chosen, seconds=0.3)
        with pytest.raises(Busy, match="did not answer in time"):
            await made.put("key", pieces(b"data"))
        await made.close()


async def test_a_volume_that_takes_too_long(block: Block, tmp_path: Path, name: str, kept: CinderStore) -> None:
    hasty = store(block, tmp_path, name, cinder_state_transition_timeout=0)
    with pytest.raises(Busy, match="cinder_state_transition_timeout"):
        await hasty.put("key", pieces(noise(5 * PIECE)))
    await hasty.close()
    await _until_swept(block, name, kept)


async def test_a_volume_that_cannot_be_made(block: Block, tmp_path: Path, name: str, kept: CinderStore) -> None:
    """No back end has such volumes: Cinder says yes, and then that it failed."""
    kind = f"type-{uuid.uuid4().hex}"
    token, project = block.identity.token("admin", project="admin"), block.identity.ids["project/admin"]
    with caller(f"{block.volumes.url}/{project}", token) as call:
        call("POST", "/types", {"volume_type": {"name": kind, "extra_specs": {"volume_backend_name": "nowhere"}}})
    made = store(block, tmp_path, name, cinder_volume_type=kind)
    with pytest.raises(Broken, match="is error where it should be available"):
        await made.put("key", pieces(b"data"))
    await made.close()
    await _until_swept(block, name, kept)


async def test_a_quota_that_is_used_up(block: Block, tmp_path: Path) -> None:
    """In a project of its own: the quota holds for all stores of one."""
    ids = block.identity.ids
    token = block.identity.token("admin", project="admin")
    with caller(f"{block.volumes.url}/{ids['project/admin']}", token) as call:
        call("PUT", f"/os-quota-sets/{ids['project/beta']}", {"quota_set": {"gigabytes": 0}})
    made = store(block, tmp_path, cinder_store_user_name="stan", cinder_store_project_name="beta")
    with pytest.raises(Full, match="allowed gigabytes quota"):
        await made.put("key", pieces(b"data"))
    await made.close()


async def test_a_key_that_is_not_there(
    block: Block, name: str, kept: CinderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of Ceph's: it is said where it is looked for, and nothing stays attached."""
    monkeypatch.setattr("intaglio.stores.drivers.cinder_brick._KEYS", str(tmp_path))
    with pytest.raises(Denied, match=rf"{tmp_path}/{block.volumes.cluster_name}\.client\.images\.keyring cannot be"):
        await kept.put("key", pieces(b"data"))
    await _until_swept(block, name, kept)


async def test_a_source_that_dies_late(block: Block, name: str, kept: CinderStore) -> None:
    """When the volume was made and attached, and has data."""

    async def source() -> AsyncGenerator[Chunk, None]:
        yield [noise(9 * PIECE)]
        assert [each["status"] for each in volumes(block, intaglio_store=name)] == ["in-use"]
        raise ConnectionResetError

    with suppress(ConnectionResetError):
        await kept.put("key", source())
    await asyncio.to_thread(until_gone, block, "key-of-nobody")
    await asyncio.to_thread(wait_until, lambda: not volumes(block, intaglio_store=name), "the volume's removal")
