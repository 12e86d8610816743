"""Deleted images whose data are kept, by Intaglio and the real Glance: each brings back or removes the other's."""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from intaglio.stores.drivers.file_marks import MARK
from tests.starters.base import wait_until
from tests.starters.environments import environment
from tests.starters.glance import FileStore, Glance, glance
from tests.starters.intaglio import Intaglio, intaglio

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(300)]
VARY = ("updated_at", "stores", "os_glance_receipt")
CONF = "[DEFAULT]\ndelayed_delete = true\nscrub_time = {keep}\nwakeup_time = 1\n"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Glance, Intaglio]]:
    """Both on one database and two stores; nothing runs."""
    home = tmp_path_factory.mktemp("kept")
    stores = [FileStore("fast", home / "fast", 100), FileStore("slow", home / "slow", 50)]
    with (
        glance(home / "peer", stores=stores, conf=CONF.format(keep=86400), started=False) as peer,
        intaglio(home / "ours", auth="none", conf=peer.conf, started=False) as ours,
    ):
        yield peer, ours


@contextlib.contextmanager
def running(service: Glance | Intaglio) -> Iterator[str]:
    service.start()
    try:
        yield service.url
    finally:
        service.stop()


def make(url: str, name: str) -> str:
    body = {"name": name, "disk_format": "raw", "container_format": "bare", "tags": ["a", "ü"], "os_distro": "debian"}
    image_id: str = httpx.post(f"{url}/v2/images", json={**body, "gone": "x"}, timeout=60).json()["id"]
    octets = {"Content-Type": "application/octet-stream"}
    assert httpx.put(f"{url}/v2/images/{image_id}/file", content=b"data", headers=octets, timeout=60).status_code == 204
    assert httpx.post(f"{url}/v2/images/{image_id}/members", json={"member": "beta"}, timeout=60).status_code == 200
    patch = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
    remove = json.dumps([{"op": "remove", "path": "/gone"}])
    assert httpx.patch(f"{url}/v2/images/{image_id}", content=remove, headers=patch, timeout=60).status_code == 200
    return image_id


def seen(url: str, image_id: str) -> tuple[dict[str, Any], list[str], bytes]:
    image = httpx.get(f"{url}/v2/images/{image_id}", timeout=60).json()
    members = httpx.get(f"{url}/v2/images/{image_id}/members", timeout=60).json()["members"]
    data = httpx.get(f"{url}/v2/images/{image_id}/file", timeout=60).content
    image["tags"].sort()
    return {k: v for k, v in image.items() if k not in VARY}, [each["member_id"] for each in members], data


def delete(url: str, *image_ids: str) -> None:
    for image_id in image_ids:
        assert httpx.delete(f"{url}/v2/images/{image_id}", timeout=60).status_code == 204
        assert httpx.get(f"{url}/v2/images/{image_id}", timeout=60).status_code == 404


def files(pair: tuple[Glance, Intaglio]) -> set[str]:
    home = pair[0].directory.parent
    return {
        path.name
        for store in ("fast", "slow")
        for path in (home / store).iterdir()
        if path.is_file() and path.name != MARK
    }


def test_what_either_kept(pair: tuple[Glance, Intaglio]) -> None:
    peer, ours = pair
    ours.run("db", "upgrade", *ours.arguments[-2:])
    with running(peer) as url:
        back, gone = make(url, "back"), make(url, "gone")
        said = seen(url, back)
        delete(url, back, gone)
        assert files(pair) == {back, gone}
    told = ours.run("image", "restore", back, *ours.arguments[-2:], "--format", "json")
    counts = {"properties": 2, "tags": 2, "members": 1, "copies": 1}
    assert json.loads(told) == {"id": back, "name": "back", "status": "active", **counts, "doubts": []}
    with running(ours) as url:
        image, *others = seen(url, back)
        assert image.pop("gone") == "x"  # a Glance that deletes an image marks what was removed before anew
        assert [image, *others] == [*said]
        mine = make(url, "mine")
        said_mine = seen(url, mine)
        delete(url, mine, back)
        assert files(pair) == {back, gone, mine}
    ours.run("image", "restore", mine, *ours.arguments[-2:])
    with running(peer) as url:
        assert seen(url, mine) == said_mine
    peer.conf.write_text(peer.conf.read_text().replace("scrub_time = 86400", "scrub_time = 0"))
    scrubber = environment("glance") / "glance-scrubber"
    subprocess.run([scrubber, "--config-file", peer.conf], check=True, capture_output=True)
    assert files(pair) == {mine}, "Glance's scrubber removes what either kept"
    with running(peer) as url:
        delete(url, mine)
        assert files(pair) == {mine}
    with running(ours):
        wait_until(lambda: not files(pair), "the worker to remove what a Glance kept", 30)
