"""The seeded rows are what Glance itself would serve."""

import contextlib
import shutil
import sqlite3
import uuid
from collections.abc import Iterator

import httpx
import pytest
from bench.asking import FILTER, LIST
from bench.seed import empty_database, fill, image_id
from bench.servers import Place, Server, glance_server

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]

IMAGES = 300


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("seed")
    database = directory / "seeded.sqlite"
    shutil.copyfile(empty_database(directory / "empty"), database)
    fill(database, IMAGES, slice_size=77)
    with contextlib.closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT count(*) FROM image_properties").fetchone() == (8 * IMAGES,)
    with glance_server(Place(directory / "work", directory / "store", database)) as running:
        yield running


def test_an_image_has_eight_properties_and_two_tags(server: Server) -> None:
    image = httpx.get(f"{server.url}/v2/images/{image_id(7)}", timeout=60).json()
    assert image["name"] == "image-7"
    assert (image["build"], image["os_distro"]) == ("build-7", "fedora")
    assert len(image["tags"]) == 2


def test_pages_are_full_and_the_filter_finds_few(server: Server) -> None:
    newest = httpx.get(f"{server.url}/v2/images?{LIST}", timeout=60).json()["images"]
    assert [image["id"] for image in newest] == [image_id(number) for number in range(IMAGES - 1, IMAGES - 26, -1)]
    rare = httpx.get(f"{server.url}/v2/images?{FILTER}", timeout=60).json()["images"]
    assert [image["id"] for image in rare] == [image_id(number) for number in (200, 100, 0)]


def test_ids_are_the_same_in_every_run_and_proper() -> None:
    assert image_id(0) == image_id(0) != image_id(1)
    assert uuid.UUID(image_id(0)).version == 4
