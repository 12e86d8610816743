"""Every way in leaves a quick digest of the data."""

import contextlib
import sqlite3
from collections.abc import Iterator

import httpx
import pytest
from blake3 import blake3

from tests.imports.source import Source, serving
from tests.starters.base import wait_until
from tests.starters.intaglio import Intaglio, intaglio

pytestmark = pytest.mark.timeout(120)

CONF = """[DEFAULT]
enabled_backends = fast:file, slow:file, web:http
[glance_store]
default_backend = fast
[fast]
filesystem_store_datadir = {home}/fast
[slow]
filesystem_store_datadir = {home}/slow
[import_filtering_opts]
allowed_ports =
[intaglio]
fetch_networks = 127.0.0.2
"""


@pytest.fixture(scope="module")
def source() -> Iterator[Source]:
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Intaglio]:
    home = tmp_path_factory.mktemp("service")
    with intaglio(home, auth="none", conf=CONF.format(home=home), workers=1) as running:
        yield running


@pytest.fixture
def images(service: Intaglio) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{service.url}/v2/images/", timeout=60) as http:
        yield http


def created(images: httpx.Client) -> str:
    wanted = {"name": "n", "disk_format": "raw", "container_format": "bare"}
    return str(images.post("../images", json=wanted).json()["id"])


def sent(images: httpx.Client, where: str, data: bytes) -> None:
    headers = {"Content-Type": "application/octet-stream"}
    assert images.put(where, content=data, headers=headers).status_code == 204


def active(images: httpx.Client, image_id: str, stores: str) -> None:
    wait_until(
        lambda: (found := images.get(image_id).json())["status"] == "active" and found["stores"] == stores,
        "the end of the import",
    )


def on_record(service: Intaglio, image_id: str) -> list[tuple[str, ...]]:
    with contextlib.closing(sqlite3.connect(service.data / "intaglio.sqlite", timeout=30)) as database:
        wanted = "SELECT on_record, blake3 FROM intaglio_digests WHERE image_id = ?"
        return database.execute(wanted, (image_id,)).fetchall()


@pytest.mark.parametrize("door", ["upload", "glance-direct", "web-download", "location", "copy-image"])
def test_every_way_in(images: httpx.Client, service: Intaglio, source: Source, door: str) -> None:
    image_id, data, stores = created(images), source.data, "fast"
    if door in {"upload", "copy-image"}:
        sent(images, f"{image_id}/file", data)
    elif door == "glance-direct":
        sent(images, f"{image_id}/stage", data)
        assert images.post(f"{image_id}/import", json={"method": {"name": door}}).status_code == 202
    elif door == "web-download":
        method = {"name": door, "uri": source.url}
        assert images.post(f"{image_id}/import", json={"method": method}).status_code == 202
    else:
        assert images.post(f"{image_id}/locations", json={"url": source.url}).status_code == 202
        stores = "web"
    active(images, image_id, stores)
    if door == "copy-image":  # which another service uploaded
        with contextlib.closing(sqlite3.connect(service.data / "intaglio.sqlite", timeout=30)) as database:
            database.execute("DELETE FROM intaglio_digests")
            database.commit()
        wanted = {"method": {"name": door}, "stores": ["slow"]}
        assert images.post(f"{image_id}/import", json=wanted).status_code == 202
        active(images, image_id, "fast,slow")
    digest = images.get(image_id).json()["os_hash_value"]
    assert on_record(service, image_id) == [(digest, blake3(data).hexdigest())]
    assert images.get(f"{image_id}/file").content == data
