"""In Ceph, too, there and back: what Glance wrote Intaglio reads and deletes, and the other way round."""

import os
import uuid
from pathlib import Path

import httpx
import pytest

from tests.starters.ceph import Ceph, bind
from tests.starters.environments import environment
from tests.starters.glance import RbdStore, glance
from tests.starters.intaglio import intaglio
from tests.stores.rbd_stores import change, images, info, objects, options
from tests.takeover.transfers import delete, locations, read, upload

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]

SIZES = (0, 100_000, 21 << 20)


@pytest.fixture(scope="module", autouse=True)
def _bindings() -> None:
    """Glance's environment gets Ceph's own Python modules, which Debian has for Debian's Python."""
    bind(environment("glance") / "python")


@pytest.mark.parametrize("several", [False, True], ids=["one-store", "several-stores"])
def test_there_and_back(tmp_path: Path, ceph_cluster: Ceph, several: bool) -> None:
    pool = ceph_cluster.make_pool(f"test-{uuid.uuid4().hex}")
    chosen = options(ceph_cluster, pool)
    one = "[glance_store]\nstores = rbd\ndefault_store = rbd\n" + "".join(f"{k} = {v}\n" for k, v in chosen.items())
    data = [os.urandom(size) for size in SIZES]
    with (
        glance(tmp_path / "peer", stores=[RbdStore("cloud", chosen)] if several else one, started=False) as peer,
        intaglio(tmp_path / "ours", auth="none", workers=1, conf=peer.conf, started=False) as ours,
    ):
        peer.start()
        theirs = [upload(peer.url, each) for each in data]
        peer.stop()
        ours.start()
        assert [read(ours.url, image_id) for image_id in theirs] == data
        part = httpx.get(f"{ours.url}/v2/images/{theirs[2]}/file", headers={"Range": "bytes=9000000-9000099"})
        assert part.content == data[2][9_000_000:9_000_100]
        made = [upload(ours.url, each) for each in data]
        assert _form(ceph_cluster, pool, made[2]) == _form(ceph_cluster, pool, theirs[2])
        delete(ours.url, theirs[2])
        assert theirs[2] not in images(ceph_cluster, pool)
        ours.stop()
        rows = locations(peer.directory / "glance.sqlite")
        plain = {image_id: (place.replace(image_id, "ID"), beside) for image_id, (place, beside) in rows.items()}
        assert set(plain) == {*theirs[:2], *made}
        assert set(plain.values()) == {
            (f"rbd://{ceph_cluster.fsid}/{pool}/ID/snap", '{"store": "cloud"}' if several else "{}")
        }
        peer.start()
        assert [read(peer.url, image_id) for image_id in (*theirs[:2], *made)] == [*data[:2], *data]
        for image_id in (*theirs[:2], *made):
            delete(peer.url, image_id)
    assert objects(ceph_cluster, pool) == []


def _form(cluster: Ceph, pool: str, image_id: str) -> dict[str, object]:
    """What is said of an image but for its names and times."""
    found = info(cluster, pool, image_id)
    gone = {"name", "id", "block_name_prefix", "create_timestamp", "access_timestamp", "modify_timestamp"}
    return {name: value for name, value in found.items() if name not in gone}


def test_what_real_glance_left_when_it_died(tmp_path: Path, ceph_cluster: Ceph) -> None:
    """An image without its snapshot: nothing that can be read, but a name that is taken until a new upload."""
    pool = ceph_cluster.make_pool(f"test-{uuid.uuid4().hex}")
    lines = "".join(f"{name} = {value}\n" for name, value in options(ceph_cluster, pool).items())
    conf = f"[glance_store]\nstores = rbd\ndefault_store = rbd\n{lines}"
    with intaglio(tmp_path, auth="none", workers=1, conf=conf) as ours:
        wanted = {"name": "n", "disk_format": "raw", "container_format": "bare"}
        image_id = httpx.post(f"{ours.url}/v2/images", json=wanted).json()["id"]
        change(ceph_cluster, pool, "create", image_id, "--size", "16")
        data = os.urandom(100_000)
        headers = {"Content-Type": "application/octet-stream"}
        path = f"{ours.url}/v2/images/{image_id}/file"
        assert httpx.put(path, content=data, headers=headers, timeout=60).status_code == 204
        assert read(ours.url, image_id) == data
        delete(ours.url, image_id)
    assert objects(ceph_cluster, pool) == []
