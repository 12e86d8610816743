"""Images on other people's web servers, by the whole service: the server gone, slow, broken off, or with other data."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.faults.client import MIB, content, create, get, show, wait_for_status
from tests.imports.source import Source, serving
from tests.starters.intaglio import Intaglio, intaglio

pytestmark = pytest.mark.timeout(120)

DATA = content(3 * MIB)
CONF = """[DEFAULT]
enabled_backends = fast:file, web:http
[glance_store]
default_backend = fast
[fast]
filesystem_store_datadir = {home}/fast
[import_filtering_opts]
allowed_ports =
[intaglio]
fetch_networks = 127.0.0.2
fetch_connect_seconds = 1
fetch_stall_seconds = 1
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Intaglio]:
    home = tmp_path_factory.mktemp("service")
    with intaglio(home, auth="none", conf=CONF.format(home=home)) as running:
        yield running


@pytest.fixture
def source() -> Iterator[Source]:
    with serving() as running:
        running.data = DATA
        yield running


@pytest.fixture
def image(service: Intaglio, source: Source) -> str:
    """The id of an image whose only copy is on the web server."""
    image_id = create(service.url)
    added = httpx.post(f"{service.url}/v2/images/{image_id}/locations", json={"url": source.url})
    assert added.status_code == 202, added.text
    wait_for_status(service.url, image_id, "active")
    assert show(service.url, image_id)["stores"] == "web"
    return image_id


def _download(service: Intaglio, image_id: str, into: bytearray) -> None:
    with httpx.stream("GET", f"{service.url}/v2/images/{image_id}/file", timeout=60) as answer:
        for piece in answer.iter_bytes(65536):
            into += piece


def test_the_server_is_gone(service: Intaglio) -> None:
    """503 that tells why in the log, and the image is as it was."""
    with serving() as source:
        source.data = DATA
        image_id = create(service.url)
        httpx.post(f"{service.url}/v2/images/{image_id}/locations", json={"url": source.url})
        wait_for_status(service.url, image_id, "active")
        before = show(service.url, image_id)
    answer = get(service.url, image_id)
    assert (answer.status_code, answer.headers["x-intaglio-error"]) == (503, "no-copy-readable")
    assert f"copy of image {image_id} in store web is not readable" in service.log.read_text()
    assert show(service.url, image_id) == before


def test_the_file_is_gone(service: Intaglio, source: Source, image: str) -> None:
    source.status = 404
    assert get(service.url, image).status_code == 503
    assert show(service.url, image)["status"] == "active"
    source.status = 200
    assert get(service.url, image).content == DATA


def test_it_breaks_off_once(service: Intaglio, source: Source, image: str) -> None:
    """The reading goes on at the same byte, and nobody notices."""
    source.breaks = [1, MIB]  # the first is the look at the file's length
    assert get(service.url, image).content == DATA
    assert f"image {image}, byte" in service.log.read_text()


def test_it_is_silent_in_the_middle(service: Intaglio, source: Source, image: str) -> None:
    """The client's connection ends, and others are served meanwhile."""
    source.hold.clear()
    got = bytearray()
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(_download, service, image, got)
        while not reading.done():
            assert httpx.get(f"{service.url}/v2/images", timeout=10).status_code == 200
            time.sleep(0.05)
    assert isinstance(reading.exception(), httpx.RemoteProtocolError)
    assert 0 < len(got) < len(DATA)
    source.hold.set()
    assert get(service.url, image).content == DATA


def test_other_data_are_there_now(service: Intaglio, source: Source, image: str) -> None:
    """As long as before: the end is kept back, and the log says so."""
    source.data = DATA[:-1] + b"?"
    got = bytearray()
    with pytest.raises(httpx.RemoteProtocolError):
        _download(service, image, got)
    assert len(got) < len(DATA)
    assert f"image {image}: the" in service.log.read_text()


@pytest.mark.parametrize("data", [DATA + b"?", DATA[:-1]], ids=["longer", "shorter"])
def test_a_file_of_another_length_is_there(service: Intaglio, source: Source, image: str, data: bytes) -> None:
    source.data = data
    assert get(service.url, image).status_code == 503
