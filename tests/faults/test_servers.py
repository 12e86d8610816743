"""On database servers, where transactions do meet: a change to the record never costs an upload its data."""

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.faults.client import content, create, put, show
from tests.starters.databases import Server
from tests.starters.intaglio import Intaglio, intaglio
from tests.starters.mariadb import mariadb
from tests.starters.postgresql import postgresql

PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    if request.param == "postgresql":
        with postgresql() as running:
            yield running
    else:
        with mariadb() as other:
            yield other


@pytest.fixture
def service(server: Server, tmp_path: Path) -> Iterator[Intaglio]:
    conf = f"[database]\nconnection = {server.create('faults')}\n"
    with intaglio(tmp_path, auth="none", workers=2, conf=conf) as running:
        yield running


def test_patches_while_uploads_end(service: Intaglio) -> None:
    done = threading.Event()
    images = [create(service.url) for _ in range(4)]
    changed = dict.fromkeys(images, 0)

    def change(image_id: str) -> None:
        while not done.is_set():
            operation = [{"op": "add", "path": "/count", "value": str(changed[image_id] + 1)}]
            answer = httpx.patch(f"{service.url}/v2/images/{image_id}", json=operation, headers=PATCH)
            if answer.status_code == 200:
                changed[image_id] += 1
            else:
                assert answer.status_code == 409, answer.text

    threads = [threading.Thread(target=change, args=(image_id,)) for image_id in images]
    for thread in threads:
        thread.start()
    data = content(100_000)
    try:
        statuses = [put(service.url, image_id, data).status_code for image_id in images]
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert statuses == [204] * len(images)
    for image_id in images:
        image = show(service.url, image_id)
        assert (image["status"], image["size"], image["count"]) == ("active", len(data), str(changed[image_id]))
