"""The real Cinder finds Intaglio in Keystone's catalogue, makes volumes of its images, and images of its volumes."""

import os
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from intaglio.stores.drivers.rbd_options import options as chosen
from intaglio.stores.drivers.rbd_pool import Link
from tests.starters.cinder_shared import Block
from tests.starters.intaglio import intaglio
from tests.starters.keystone_people import caller
from tests.stores.cinder_stores import load_ceph, options, until_gone
from tests.stores.cinder_stores import volumes as volumes_of_images
from tests.stores.rbd_stores import info
from tests.stores.rbd_stores import options as rbd_options

pytestmark = [pytest.mark.ours, pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]

SIZE = 9 * 1024 * 1024
DATA = os.urandom(SIZE)
PATIENCE = 120.0


class Cloud:
    """An image service and Cinder, as one user of both sees them."""

    def __init__(self, block: Block, images: str, pool: str) -> None:
        self.block = block
        self.pool = pool
        self._images = images
        self._token = block.identity.token("mia", project="alpha")
        self._volumes = f"{block.volumes.url}/{block.identity.ids['project/alpha']}"

    def image(self, data: bytes, disk_format: str, store: str) -> str:
        """The id of a new image in one of the stores."""
        wanted = {"name": "n", "disk_format": disk_format, "container_format": "bare"}
        headers = {"X-Auth-Token": self._token}
        made = httpx.post(f"{self._images}/v2/images", json=wanted, headers=headers, timeout=60).json()
        headers |= {"Content-Type": "application/octet-stream", "X-Image-Meta-Store": store}
        path = f"{self._images}/v2/images/{made['id']}/file"
        httpx.put(path, content=data, headers=headers, timeout=120).raise_for_status()
        return str(made["id"])

    def content(self, image_id: str) -> bytes:
        answer = httpx.get(
            f"{self._images}/v2/images/{image_id}/file", headers={"X-Auth-Token": self._token}, timeout=120
        )
        return answer.raise_for_status().content

    def require_locations(self) -> None:
        """Skip where the service cannot be asked for locations yet: Cinder then takes an image for missing."""
        image_id = self.image(b"data", "raw", "ceph")
        token = self.block.identity.token("nova", project="service")
        answer = httpx.get(
            f"{self._images}/v2/images/{image_id}/locations", headers={"X-Auth-Token": token}, timeout=60
        )
        self.remove_image(image_id)
        if answer.status_code == httpx.codes.NOT_FOUND:
            pytest.skip("the service has no GET /v2/images/{id}/locations, without which Cinder 29 finds no image")

    def remove_image(self, image_id: str) -> None:
        path = f"{self._images}/v2/images/{image_id}"
        httpx.delete(path, headers={"X-Auth-Token": self._token}, timeout=60).raise_for_status()

    def look(self, image_id: str) -> Mapping[str, Any]:
        """The image as its owner sees it."""
        answer = httpx.get(f"{self._images}/v2/images/{image_id}", headers={"X-Auth-Token": self._token}, timeout=60)
        found: Mapping[str, Any] = answer.raise_for_status().json()
        return found

    def remove(self, volume: str, *images: str) -> None:
        """Both."""
        with caller(self._volumes, self._token) as call:
            call("DELETE", f"/volumes/{volume}")
        for image_id in images:
            self.remove_image(image_id)

    def volume(self, image_id: str) -> str:
        """The id of a new volume that Cinder made of an image."""
        with caller(self._volumes, self._token) as call:
            made = call("POST", "/volumes", {"volume": {"size": 1, "imageRef": image_id, "name": "n"}})["volume"]
            return self._available(call, made["id"])

    def upload(self, volume: str, disk_format: str) -> str:
        """The id of a new image that Cinder made of a volume."""
        wanted = {"image_name": "of a volume", "disk_format": disk_format, "container_format": "bare"}
        with caller(self._volumes, self._token) as call:
            made = call("POST", f"/volumes/{volume}/action", {"os-volume_upload_image": wanted})
            self._available(call, volume)
        return str(made["os-volume_upload_image"]["image_id"])

    def _available(self, call: Any, volume: str) -> str:
        end = time.monotonic() + PATIENCE
        while True:
            found = call("GET", f"/volumes/{volume}")["volume"]
            if found["status"] == "available":
                return volume
            assert found["status"] in {"creating", "downloading", "uploading"}, found
            assert time.monotonic() < end, found
            time.sleep(0.1)

    def parent(self, volume: str) -> tuple[str, str, str] | None:
        """Pool, image and snapshot that a volume is a clone of."""
        found = info(self.block.cluster, self.block.volumes.pool, f"volume-{volume}").get("parent")
        return found and (found["pool"], found["image"], found["snapshot"])

    def read(self, volume: str, length: int) -> bytes:
        """How a volume begins, by librbd itself."""
        link = Link(chosen("images", rbd_options(self.block.cluster, self.block.volumes.pool)))
        with link.pool() as pool, pool.look(f"volume-{volume}", None) as image:
            found = bytes(image.read(0, length))
        link.retire()
        return found


@pytest.fixture(scope="module")
def cloud(block: Block, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    load_ceph()
    directory = tmp_path_factory.mktemp("cinder")
    pool = block.cluster.make_pool(f"images-{uuid.uuid4().hex}")
    sections = {"ceph": rbd_options(block.cluster, pool), "block": options(block, directory)}
    sections["block"].pop("lock_path")
    conf = "[DEFAULT]\nenabled_backends = ceph:rbd, block:cinder\nshow_image_direct_url = true\n"
    conf += f"[glance_store]\ndefault_backend = ceph\n[oslo_concurrency]\nlock_path = {directory}/locks\n"
    for name, section in sections.items():
        conf += f"[{name}]\n" + "".join(f"{option} = {value}\n" for option, value in section.items())
    with intaglio(directory, conf=conf + block.identity.section(), auth="keystone", workers=1) as running:
        region = block.identity.register(running.url)
        found = Cloud(block, running.url, pool)
        found.require_locations()
        yield found
        block.identity.forget(region)  # Cinder takes the first image service of the catalogue


def test_a_volume_of_a_raw_image_is_a_clone(cloud: Cloud) -> None:
    """Copy-on-write in Ceph, of the snapshot that the location names."""
    image_id = cloud.image(DATA, "raw", "ceph")
    volume = cloud.volume(image_id)
    assert cloud.parent(volume) == (cloud.pool, image_id, "snap")
    assert cloud.read(volume, SIZE) == DATA
    cloud.remove(volume, image_id)


def test_a_volume_of_a_qcow2_image_and_back(cloud: Cloud, tmp_path: Path) -> None:
    """Cinder downloads the image and converts it; then it makes an image of the volume, and sends that."""
    (tmp_path / "raw").write_bytes(DATA)
    _convert(tmp_path / "raw", tmp_path / "qcow2", "-f", "raw", "-O", "qcow2")
    image_id = cloud.image((tmp_path / "qcow2").read_bytes(), "qcow2", "ceph")
    volume = cloud.volume(image_id)
    assert cloud.parent(volume) is None
    assert cloud.read(volume, SIZE) == DATA
    back = cloud.upload(volume, "qcow2")
    found = cloud.look(back)
    assert (found["status"], found["disk_format"], found["virtual_size"]) == ("active", "qcow2", 1 << 30)
    (tmp_path / "back").write_bytes(cloud.content(back))
    _convert(tmp_path / "back", tmp_path / "back.raw", "-f", "qcow2", "-O", "raw")
    with (tmp_path / "back.raw").open("rb") as file:
        assert file.read(SIZE) == DATA
    cloud.remove(volume, image_id, back)


def test_a_volume_of_an_image_in_cinder_itself(cloud: Cloud) -> None:
    """The location names a volume, which Cinder clones."""
    image_id = cloud.image(DATA, "raw", "block")
    [kept] = volumes_of_images(cloud.block, glance_image_id=image_id)
    assert cloud.look(image_id)["direct_url"] == f"cinder://block/{kept['id']}"
    assert kept["metadata"]["image_owner"] == cloud.block.identity.ids["project/alpha"]
    assert cloud.content(image_id) == DATA
    volume = cloud.volume(image_id)
    parent = cloud.parent(volume)
    assert parent is not None
    assert parent[:2] == (cloud.block.volumes.pool, f"volume-{kept['id']}")
    assert cloud.read(volume, SIZE) == DATA
    cloud.remove(volume, image_id)
    until_gone(cloud.block, image_id)


def _convert(source: Path, target: Path, *words: str) -> None:
    subprocess.run(["qemu-img", "convert", *words, source, target], check=True)
