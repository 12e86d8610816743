"""Images in a real S3 server, by the whole service: up and down, interrupted, killed, with the server gone or wrong."""

import contextlib
import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.faults.client import MIB, HalfUpload, content, create, get, leases, put, show, wait_for_status
from tests.starters.base import wait_until
from tests.starters.filesystems import tmpfs
from tests.starters.intaglio import Intaglio, intaglio
from tests.starters.s3 import S3, s3
from tests.stores.s3_stores import bucket_name, keys_and_sizes, overwrite, unfinished_keys

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """This module's own: it is killed and frozen."""
    with s3(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture(scope="module")
def bucket() -> str:
    return bucket_name()


def configuration(server: S3, bucket: str, directory: Path, **others: object) -> str:
    """Two stores: S3, which is the default and preferred for reading, and a directory."""
    options = {
        "s3_store_host": server.url,
        "s3_store_access_key": server.access,
        "s3_store_secret_key": server.secret,
        "s3_store_bucket": bucket,
        "s3_store_create_bucket_on_put": True,
        "s3_store_large_object_chunk_size": 5,
        "weight": 10,
        **others,
    }
    lines = "".join(f"{name} = {value}\n" for name, value in options.items())
    return (
        "[DEFAULT]\nenabled_backends = cloud:s3, local:file\n[glance_store]\ndefault_backend = cloud\n"
        f"[local]\nfilesystem_store_datadir = {directory}\n[cloud]\n{lines}"
    )


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, server: S3, bucket: str) -> Iterator[Intaglio]:
    directory = tmp_path_factory.mktemp("service")
    with intaglio(directory, auth="none", conf=configuration(server, bucket, directory / "local")) as running:
        yield running


@pytest.fixture
def service(shared: Intaglio, server: S3, bucket: str) -> Iterator[Intaglio]:
    """The service; afterwards it has no image, and the bucket nothing at all."""
    yield shared
    for image in httpx.get(f"{shared.url}/v2/images").json()["images"]:
        assert httpx.delete(f"{shared.url}/v2/images/{image['id']}", timeout=60).status_code == 204
    wait_until(lambda: leases(shared) == [], "everything to be cleaned up")
    assert (keys_and_sizes(server, bucket), unfinished_keys(server, bucket)) == ({}, [])


def test_the_life_of_an_image(service: Intaglio, server: S3, bucket: str) -> None:
    data = content(13 * MIB + 5)
    for size in (0, 1, len(data)):
        image_id = create(service.url)
        assert put(service.url, image_id, data[:size]).status_code == 204
        image = show(service.url, image_id)
        assert (image["size"], image["checksum"]) == (size, hashlib.md5(data[:size], usedforsecurity=False).hexdigest())
        assert get(service.url, image_id).content == data[:size]
    path = f"{service.url}/v2/images/{image_id}/file"
    for first, last in ((0, 0), (5 * MIB - 3, 5 * MIB + 3), (1, len(data) - 2), (len(data) - 1, len(data) + 9)):
        part = httpx.get(path, headers={"Range": f"bytes={first}-{last}"})
        assert (part.status_code, part.content) == (206, data[first : last + 1])
    assert httpx.get(path, headers={"Range": f"bytes={len(data)}-"}).status_code == 416
    assert httpx.head(path).headers["content-length"] == str(len(data))
    assert keys_and_sizes(server, bucket)[image_id] == len(data)
    assert httpx.delete(f"{service.url}/v2/images/{image_id}").status_code == 204
    assert image_id not in keys_and_sizes(server, bucket)


@pytest.mark.parametrize("how", ["client", "power"])
def test_interrupted(service: Intaglio, server: S3, bucket: str, how: str) -> None:
    """The client hangs up, or every process is killed: the image is queued, no part stays, a retry works."""
    data = content(14 * MIB)
    image_id = create(service.url)
    with HalfUpload(service, image_id, len(data), chunked=True) as upload:
        upload.send(data[: 12 * MIB])
        wait_until(lambda: unfinished_keys(server, bucket) == [image_id], "parts in the store")
        if how == "power":
            service.kill()
    if how == "power":
        service.start()
    wait_for_status(service.url, image_id, "queued")
    wait_until(lambda: leases(service) == [], "the claim to be released")
    assert (keys_and_sizes(server, bucket), unfinished_keys(server, bucket)) == ({}, [])
    assert put(service.url, image_id, data).status_code == 204
    assert get(service.url, image_id).content == data


def test_the_server_is_gone_and_comes_back(service: Intaglio, server: S3) -> None:
    """503 that names the store, for what needs it and nothing else; then all goes on without a restart."""
    data = content(6 * MIB)
    image_id, other = create(service.url), create(service.url)
    assert put(service.url, image_id, data).status_code == 204
    server.kill()
    try:
        refused = put(service.url, other, data)
        assert (refused.status_code, "cloud" in refused.text) == (503, True)
        assert get(service.url, image_id).status_code == 503
        assert httpx.get(f"{service.url}/healthcheck").status_code == 200  # the other store does
        health = httpx.get(f"{service.url}/healthcheck?detailed").json()
        assert {store: part["healthy"] for store, part in health["stores"].items()} == {"cloud": False, "local": True}
        assert "cloud" in health["stores"]["cloud"]["reason"]
        assert show(service.url, image_id)["status"] == "active"
        headers = {"Content-Type": "application/octet-stream", "X-Image-Meta-Store": "local"}
        third = create(service.url)
        path = f"{service.url}/v2/images/{third}/file"
        assert httpx.put(path, content=data, headers=headers).status_code == 204
        assert get(service.url, third).content == data
    finally:
        server.start()
    wait_until(lambda: get(service.url, image_id).content == data, "the server to find its disks again")
    wait_for_status(service.url, other, "queued", 60)
    wait_until(lambda: put(service.url, other, data).status_code == 204, "the server to take data again")


def test_a_silent_server_stops_no_other_request(service: Intaglio, server: S3) -> None:
    """A download from it waits and is refused in bounded time; the service answers others meanwhile."""
    image_id = create(service.url)
    assert put(service.url, image_id, content(MIB)).status_code == 204
    server.freeze()
    try:
        with ThreadPoolExecutor() as pool:
            readings = [pool.submit(get, service.url, image_id) for _ in range(8)]
            listed = 0
            while not all(reading.done() for reading in readings):
                listed += httpx.get(f"{service.url}/v2/images?limit=1").status_code == 200
        assert listed
        for reading in readings:
            assert (reading.result().status_code, image_id in reading.result().text) == (503, True)
        assert "silent" in service.log.read_text()
    finally:
        server.thaw()
    assert get(service.url, image_id).content == content(MIB)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"s3_store_secret_key": "a-secret-that-is-wrong"}, "403"),
        ({"s3_store_create_bucket_on_put": False}, "s3_store_create_bucket_on_put"),
        (
            {"s3_store_access_key": "reader-access-key", "s3_store_secret_key": "reader-secret-0123456789"},
            "AccessDenied",
        ),
    ],
    ids=["credentials", "bucket", "read-only"],
)
def test_a_wrong_configuration_is_said(tmp_path: Path, server: S3, wrong: dict[str, object], words: str) -> None:
    """The service starts; what needs the store is a 503 with the reason, and no secret is anywhere."""
    bucket = bucket_name()
    conf = configuration(server, bucket, tmp_path / "local", **wrong)
    if "s3_store_access_key" in wrong:
        overwrite(server, bucket, "something", b"so that there is a bucket")
    with intaglio(tmp_path, auth="none", workers=1, conf=conf, started=False) as service:
        service.start(healthy=False)
        image_id = create(service.url)
        answer = put(service.url, image_id, content(1000))
        assert (answer.status_code, words in answer.text, "cloud" in answer.text) == (503, True, True)
        assert show(service.url, image_id)["status"] == "queued"
        said = answer.text + service.log.read_text() + httpx.get(f"{service.url}/healthcheck").text
    for secret in (server.secret, "a-secret-that-is-wrong", "reader-secret-0123456789"):
        assert secret not in said


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


def test_a_store_that_dies_in_the_middle_of_a_download(service: Intaglio, server: S3) -> None:
    """The next copy goes on at the same byte, and nobody notices."""
    data = content(64 * MIB)
    image_id = create(service.url)
    assert put(service.url, image_id, data).status_code == 204
    copy_to(service, image_id, data, service.data.parent / "local")
    got = bytearray()
    try:
        with httpx.stream("GET", f"{service.url}/v2/images/{image_id}/file", timeout=120) as answer:
            for piece in answer.iter_bytes(65536):
                got += piece
                if len(got) == 65536:
                    server.kill()
    finally:
        server.start()
    assert answer.status_code == 200
    assert hashlib.sha256(got).digest() == hashlib.sha256(data).digest()
    assert "the copy in store cloud failed" in service.log.read_text()


def test_the_only_copy_breaks_in_the_middle(service: Intaglio, server: S3) -> None:
    """The client is told by a connection that ends early, not by a shorter image; the log says why."""
    data = content(64 * MIB)
    image_id = create(service.url)
    assert put(service.url, image_id, data).status_code == 204
    got = bytearray()
    try:
        with pytest.raises(httpx.RemoteProtocolError):
            _download(service, image_id, got, server.kill)
    finally:
        server.start()
    assert 0 < len(got) < len(data)
    assert bytes(got) == data[: len(got)]
    wait_until(lambda: get(service.url, image_id).content == data, "the server to find its disks again")


def _download(service: Intaglio, image_id: str, into: bytearray, meanwhile: Callable[[], None] | None = None) -> None:
    with httpx.stream("GET", f"{service.url}/v2/images/{image_id}/file", timeout=120) as answer:
        for piece in answer.iter_bytes(65536):
            into += piece
            if len(into) == 65536 and meanwhile is not None:
                meanwhile()


@pytest.mark.parametrize("digest", ["blake3", "sha512"])
def test_other_bytes_are_never_served_whole(service: Intaglio, server: S3, bucket: str, digest: str) -> None:
    """An object that somebody changed in the store has the right length and the wrong digest: its end is kept back.

    What another service wrote has no quick digest, and is compared by the one on record.
    """
    data = content(9 * MIB)
    image_id = create(service.url)
    assert put(service.url, image_id, data).status_code == 204
    if digest == "sha512":
        forget_quick_digest(service, image_id)
        assert get(service.url, image_id).content == data
    overwrite(server, bucket, image_id, data[:-1] + b"?")
    got = bytearray()
    with pytest.raises(httpx.RemoteProtocolError):
        _download(service, image_id, got)
    assert len(got) < len(data)
    assert f"image {image_id}: the {digest}" in service.log.read_text()
    part = httpx.get(f"{service.url}/v2/images/{image_id}/file", headers={"Range": "bytes=0-99"})
    assert part.content == data[:100]


def forget_quick_digest(service: Intaglio, image_id: str) -> None:
    with contextlib.closing(sqlite3.connect(service.data / "intaglio.sqlite", timeout=30)) as database:
        assert database.execute("DELETE FROM intaglio_digests WHERE image_id = ?", (image_id,)).rowcount == 1
        database.commit()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    with tmpfs(tmp_path / "small", "size=64m") as directory:
        yield directory


def test_a_full_disk_of_the_server_leaves_nothing(tmp_path: Path, bucket: str, small: Path) -> None:
    """SeaweedFS says of a full disk that it has an internal error; so it is a 503, and nothing is left."""
    with s3(small, megabytes=8) as server:
        conf = configuration(server, bucket, tmp_path / "local")
        with intaglio(tmp_path, auth="none", workers=1, conf=conf) as service:
            image_id = create(service.url)
            answer = put(service.url, image_id, content(80 * MIB))
            assert (answer.status_code, "cloud" in answer.text) == (503, True)
            assert show(service.url, image_id)["status"] == "queued"
            assert (keys_and_sizes(server, bucket), unfinished_keys(server, bucket), leases(service)) == ({}, [], [])
