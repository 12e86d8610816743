"""Real images from a real web server: a bootable Linux disk in ten formats, and the discs of Debian's packages.

What was converted boots, to its first words.
"""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.starters.base import debian, wait_until
from tests.starters.bootable import FORMATS, GREETING, bootable, console
from tests.starters.images import image as real_image
from tests.starters.intaglio import Intaglio, intaglio
from tests.starters.nginx import nginx

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]
_MEMTEST = "/usr/lib/memtest86+/memtest86+x64.iso"
CONF = """[import_filtering_opts]
allowed_ports =
[intaglio]
fetch_networks = 127.0.0.1
[image_import_opts]
image_import_plugins = [image_decompression,image_conversion]
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The web server's address."""
    work = tmp_path_factory.mktemp("served")
    work.chmod(0o755)
    directory = work / "files"
    directory.mkdir()
    for name in [*FORMATS, "iso"]:
        shutil.copyfile(bootable(name), directory / name)
    debian(["memtest86+"], "a real image that boots alone", provides=[_MEMTEST])
    shutil.copyfile(_MEMTEST, directory / "memtest")
    for name in ("iso-hybrid", "iso-plain"):
        shutil.copyfile(real_image(name), directory / name)
    with nginx(directory, work / "nginx") as server:
        yield server.url


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Intaglio]:
    with intaglio(tmp_path_factory.mktemp("real-images"), auth="none", conf=CONF) as running:
        yield running


def asked(service: Intaglio, url: str, disk_format: str) -> str:
    """The id of an image that is being imported from the URL."""
    wanted = {"name": url, "disk_format": disk_format, "container_format": "bare"}
    image_id = str(httpx.post(f"{service.url}/v2/images", json=wanted).json()["id"])
    body = {"method": {"name": "web-download", "uri": url}}
    answer = httpx.post(f"{service.url}/v2/images/{image_id}/import", json=body)
    assert answer.status_code == 202, answer.text
    return image_id


def imported(service: Intaglio, image_id: str) -> dict[str, Any]:
    path = f"{service.url}/v2/images/{image_id}"
    wait_until(lambda: not httpx.get(path).json().get("os_glance_import_task"), "the end of an import", seconds=240)
    image: dict[str, Any] = httpx.get(path).json()
    assert image["status"] == "active", httpx.get(f"{path}/tasks").text
    return image


def test_a_linux_disk_in_ten_formats_boots(service: Intaglio, served: str, tmp_path: Path) -> None:
    disk = bootable("raw").read_bytes()
    digest = hashlib.sha512(disk).hexdigest()
    ids = {name: asked(service, f"{served}/{name}", name.partition("-")[0]) for name in FORMATS}
    images = {name: imported(service, image_id) for name, image_id in ids.items()}
    for name, image in images.items():
        assert (image["disk_format"], image["os_hash_value"]) == ("raw", digest), name
        sent = f"sha512:{hashlib.sha512(bootable(name).read_bytes()).hexdigest()}"
        assert image.get("os_glance_source_hash") == (None if name == "raw" else sent), name
    file = tmp_path / "disk"
    file.write_bytes(httpx.get(f"{service.url}/v2/images/{ids['vmdk-stream']}/file", timeout=60).content)
    assert GREETING in console(file, tmp_path)


def test_discs_stay_discs(service: Intaglio, served: str) -> None:
    """Debian's memtest86+, GRUB and iPXE, and our own."""
    paths = {"iso": bootable("iso"), "memtest": Path(_MEMTEST)}
    paths |= {name: real_image(name) for name in ("iso-hybrid", "iso-plain")}
    ids = {name: asked(service, f"{served}/{name}", "iso") for name in paths}
    for name, image_id in ids.items():
        image = imported(service, image_id)
        data = paths[name].read_bytes()
        assert (image["disk_format"], image["size"]) == ("iso", len(data)), name
        assert image["os_hash_value"] == hashlib.sha512(data).hexdigest()
