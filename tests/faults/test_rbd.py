"""Images in a real Ceph, by the whole service: up and down, interrupted, killed, the cluster gone, silent or full."""

import contextlib
import hashlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.faults.client import MIB, HalfUpload, content, create, get, leases, put, show, wait_for_status
from tests.starters.base import wait_until
from tests.starters.ceph import Ceph, ceph
from tests.starters.intaglio import Intaglio, intaglio
from tests.stores.rbd_stores import change, images, objects, options, trash

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]

POOL = "images"
SECONDS = 3
"""That an operation of the cluster may take here."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ceph]:
    """This module's own: its daemons are killed and frozen."""
    with ceph(tmp_path_factory.mktemp("ceph")) as running:
        running.make_pool(POOL)
        yield running


def configuration(cluster: Ceph, directory: Path, **others: object) -> str:
    """Two stores: Ceph, which is the default and preferred for reading, and a directory."""
    chosen = {**options(cluster, POOL), "rados_connect_timeout": SECONDS, "weight": 10, **others}
    lines = "".join(f"{name} = {value}\n" for name, value in chosen.items())
    return (
        "[DEFAULT]\nenabled_backends = cloud:rbd, local:file\n[glance_store]\ndefault_backend = cloud\n"
        f"[local]\nfilesystem_store_datadir = {directory}\n[cloud]\n{lines}"
    )


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, cluster: Ceph) -> Iterator[Intaglio]:
    directory = tmp_path_factory.mktemp("service")
    with intaglio(directory, auth="none", conf=configuration(cluster, directory / "local")) as running:
        yield running


@pytest.fixture
def service(shared: Intaglio, cluster: Ceph) -> Iterator[Intaglio]:
    """The service; afterwards it has no image, and the pool nothing at all."""
    yield shared
    for image in httpx.get(f"{shared.url}/v2/images").json()["images"]:
        assert httpx.delete(f"{shared.url}/v2/images/{image['id']}", timeout=60).status_code == 204
    wait_until(lambda: leases(shared) == [], "everything to be cleaned up")
    for _ in range(5):
        if objects(cluster, POOL) == []:
            return
        time.sleep(8)  # a reader that was cut off holds its image for a while: it is in the trash then
        shared.restart()  # which begins with a sweep
    wait_until(lambda: objects(cluster, POOL) == [], "an empty pool")


def test_the_life_of_an_image(service: Intaglio, cluster: Ceph, tmp_path: Path) -> None:
    data = content(21 * MIB + 5)
    for size in (0, 1, len(data)):
        image_id = create(service.url)
        assert put(service.url, image_id, data[:size]).status_code == 204
        image = show(service.url, image_id)
        assert (image["size"], image["checksum"]) == (size, hashlib.md5(data[:size], usedforsecurity=False).hexdigest())
        assert get(service.url, image_id).content == data[:size]
    path = f"{service.url}/v2/images/{image_id}/file"
    for first, last in ((0, 0), (8 * MIB - 3, 8 * MIB + 3), (1, len(data) - 2), (len(data) - 1, len(data) + 9)):
        part = httpx.get(path, headers={"Range": f"bytes={first}-{last}"})
        assert (part.status_code, part.content) == (206, data[first : last + 1])
    assert httpx.get(path, headers={"Range": f"bytes={len(data)}-"}).status_code == 416
    change(cluster, POOL, "export", f"{image_id}@snap", str(tmp_path / "exported"))
    assert (tmp_path / "exported").read_bytes() == data
    assert httpx.delete(path.removesuffix("/file")).status_code == 204
    assert image_id not in images(cluster, POOL)


def test_an_image_with_a_clone_can_be_deleted(service: Intaglio, cluster: Ceph, tmp_path: Path) -> None:
    """Glance answers 409. Here the image is gone, and its blocks go with the last clone."""
    data = content(3 * MIB)
    image_id = create(service.url)
    assert put(service.url, image_id, data).status_code == 204
    change(cluster, POOL, "clone", "--rbd-default-clone-format", "1", f"{POOL}/{image_id}@snap", f"{POOL}/disk")
    assert httpx.delete(f"{service.url}/v2/images/{image_id}").status_code == 204
    assert httpx.get(f"{service.url}/v2/images/{image_id}").status_code == 404
    assert images(cluster, POOL) == ["disk"]
    change(cluster, POOL, "export", "disk", str(tmp_path / "disk"))
    assert (tmp_path / "disk").read_bytes() == data
    change(cluster, POOL, "rm", "disk")
    [name] = trash(cluster, POOL)
    assert image_id in name
    change(cluster, POOL, "snap", "purge", "--image-id", _trashed_id(cluster))
    change(cluster, POOL, "trash", "purge")


def _trashed_id(cluster: Ceph) -> str:
    [line] = cluster.run("rbd", "--pool", POOL, "trash", "ls").splitlines()
    change(cluster, POOL, "snap", "unprotect", "--image-id", line.split()[0], "--snap", "snap")
    return line.split()[0]


@pytest.mark.parametrize("how", ["client", "power"])
def test_interrupted(service: Intaglio, cluster: Ceph, how: str) -> None:
    """The client hangs up, or every process is killed: the image is queued, nothing stays, a retry works."""
    data = content(20 * MIB)
    image_id = create(service.url)
    with HalfUpload(service, image_id, len(data), chunked=True) as upload:
        upload.send(data[: 18 * MIB])
        wait_until(lambda: f".intaglio-upload-0.{image_id}" in images(cluster, POOL), "an unfinished image")
        if how == "power":
            service.kill()
    if how == "power":
        service.start()
    wait_for_status(service.url, image_id, "queued", 60)
    wait_until(lambda: leases(service) == [], "the claim to be released")
    assert objects(cluster, POOL) == []
    assert put(service.url, image_id, data).status_code == 204
    assert get(service.url, image_id).content == data


def test_the_cluster_is_gone_in_the_middle_of_an_upload(service: Intaglio, cluster: Ceph) -> None:
    """503 that names the store, in bounded time; the rest goes on; when the cluster is back, nothing is left."""
    data = content(40 * MIB)
    image_id, other = create(service.url), create(service.url)
    with HalfUpload(service, image_id, len(data)) as upload:
        upload.send(data[: 17 * MIB])
        wait_until(lambda: len(objects(cluster, POOL)) > 4, "data in the store")
        cluster.osd.kill()
        try:
            upload.socket.settimeout(90)
            with contextlib.suppress(OSError):  # it may be refused before all is sent
                upload.send(data[17 * MIB :])
            answered = upload.status()
            health = httpx.get(f"{service.url}/healthcheck?detailed", timeout=60).json()
            assert answered == 503
            found = {store: part["healthy"] for store, part in health["stores"].items()}
            assert found == {"cloud": False, "local": True}
            headers = {"Content-Type": "application/octet-stream", "X-Image-Meta-Store": "local"}
            path = f"{service.url}/v2/images/{other}/file"
            assert httpx.put(path, content=data, headers=headers).status_code == 204
            assert get(service.url, other).content == data
        finally:
            cluster.osd.start()
    wait_for_status(service.url, image_id, "queued", 90)
    wait_until(lambda: objects(cluster, POOL) == [], "everything to be cleaned up", 60)
    wait_until(lambda: put(service.url, image_id, data).status_code == 204, "the cluster to take data again")


def test_a_silent_cluster_stops_no_other_request(service: Intaglio, cluster: Ceph) -> None:
    """A download from it is refused in bounded time; the service answers others meanwhile."""
    image_id = create(service.url)
    assert put(service.url, image_id, content(MIB)).status_code == 204
    cluster.osd.freeze()
    try:
        with ThreadPoolExecutor() as pool:
            readings = [pool.submit(get, service.url, image_id) for _ in range(8)]
            listed = 0
            while not all(reading.done() for reading in readings):
                listed += httpx.get(f"{service.url}/v2/images?limit=1").status_code == 200
        assert listed
        for reading in readings:
            assert (reading.result().status_code, image_id in reading.result().text) == (503, True)
        assert "did not answer in time" in service.log.read_text()
    finally:
        cluster.osd.thaw()
    wait_until(lambda: get(service.url, image_id).status_code == 200, "the cluster to answer again")


def test_a_quota_that_is_used_up(service: Intaglio, cluster: Ceph) -> None:
    """413 at once, where clients of Ceph usually wait for ever; deleting still works, and makes room."""
    data = content(24 * MIB)
    image_id, other = create(service.url), create(service.url)
    assert put(service.url, image_id, data).status_code == 204
    cluster.ask("osd", "pool", "set-quota", POOL, "max_bytes", str(20 * MIB))
    try:
        wait_until(lambda: _is_full(cluster), "the quota to be noticed")
        refused = put(service.url, other, data)
        assert (refused.status_code, "quota of the pool" in refused.text) == (413, True)
        assert show(service.url, other)["status"] == "queued"
        assert not [name for name in images(cluster, POOL) if name != image_id]
        assert get(service.url, image_id).content == data
        assert httpx.delete(f"{service.url}/v2/images/{image_id}").status_code == 204
        wait_until(lambda: objects(cluster, POOL) == [], "the image to be removed")
    finally:
        cluster.ask("osd", "pool", "set-quota", POOL, "max_bytes", "0")
    wait_until(lambda: not _is_full(cluster), "room")
    assert put(service.url, other, data).status_code == 204


def _is_full(cluster: Ceph) -> bool:
    [pool] = [pool for pool in cluster.ask("osd", "dump")["pools"] if pool["pool_name"] == POOL]
    return "full_quota" in pool["flags_names"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"rbd_store_pool": "nowhere"}, "has no pool"),
        ({"rbd_store_user": "stranger"}, "client.stranger"),
        ({"rbd_store_user": "onlooker"}, "capabilities"),
    ],
    ids=["pool", "user", "read-only"],
)
def test_a_wrong_configuration_is_said(tmp_path: Path, cluster: Ceph, wrong: dict[str, object], words: str) -> None:
    """The service starts; what needs the store is a 503 with the reason."""
    conf = configuration(cluster, tmp_path / "local", **wrong)
    with intaglio(tmp_path, auth="none", workers=1, conf=conf, started=False) as service:
        service.start(healthy=False)
        image_id = create(service.url)
        answer = put(service.url, image_id, content(1000))
        assert (answer.status_code, words in answer.text, "cloud" in answer.text) == (503, True, True)
        assert show(service.url, image_id)["status"] == "queued"


# Several copies


def copy_to(service: Intaglio, image_id: str, data: bytes, directory: Path) -> None:
    """Give an image a second copy, as an import into several stores does."""
    (directory / image_id).write_bytes(data)
    with contextlib.closing(sqlite3.connect(service.data / "intaglio.sqlite")) as database:
        database.execute(
            "INSERT INTO image_locations (image_id, value, meta_data, status, deleted, created_at, updated_at) "
            "SELECT image_id, ?, ?, status, deleted, created_at, updated_at FROM image_locations WHERE image_id = ?",
            (f"file://{directory}/{image_id}", '{"store": "local"}', image_id),
        )
        database.commit()


def _download(service: Intaglio, image_id: str, into: bytearray, meanwhile: Callable[[], None]) -> None:
    with httpx.stream("GET", f"{service.url}/v2/images/{image_id}/file", timeout=120) as answer:
        for piece in answer.iter_bytes(65536):
            into += piece
            if len(into) == 65536:
                meanwhile()


@pytest.mark.parametrize("copies", [1, 2])
def test_the_cluster_dies_in_the_middle_of_a_download(service: Intaglio, cluster: Ceph, copies: int) -> None:
    """The next copy goes on at the same byte; without one the connection ends early, and never a shorter image."""
    data = content(96 * MIB)
    image_id = create(service.url)
    assert put(service.url, image_id, data).status_code == 204
    if copies > 1:
        copy_to(service, image_id, data, service.data.parent / "local")
    got = bytearray()
    try:
        with contextlib.nullcontext() if copies > 1 else pytest.raises(httpx.RemoteProtocolError):
            _download(service, image_id, got, cluster.osd.kill)
    finally:
        cluster.osd.start()
    assert bytes(got) == data[: len(got)]
    assert (len(got) == len(data)) is (copies > 1)
    assert "the copy in store cloud failed" in service.log.read_text()
    wait_until(lambda: get(service.url, image_id).content == data, "the cluster to answer again")
