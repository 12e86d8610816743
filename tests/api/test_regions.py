"""The import method glance-download: from another Intaglio and from a real Glance, found in Keystone's catalogue."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.wire import OCTETS, digests, noise, refused
from tests.starters.base import wait_until
from tests.starters.glance import glance
from tests.starters.intaglio import Intaglio, intaglio
from tests.starters.keystone import Keystone

pytestmark = [pytest.mark.ours, pytest.mark.real, pytest.mark.timeout(600)]
FORMATS = {"disk_format": "raw", "container_format": "bare"}
METHODS = "[DEFAULT]\nenabled_import_methods = glance-direct,glance-download\n"
HAS = {"os_distro": "debian", "hw_disk_bus": "scsi", "colour": "red"}


@pytest.fixture(scope="module")
def here(identity: Keystone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Intaglio]:
    conf = METHODS + "[paste_deploy]\nflavor = keystone\n" + identity.section()
    with intaglio(tmp_path_factory.mktemp("here"), conf=conf, auth=None, workers=1) as running:
        yield running


@pytest.fixture(scope="module")
def token(identity: Keystone) -> str:
    return identity.token("mia", project="alpha")


@pytest.fixture(scope="module")
def http(here: Intaglio, token: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=here.url, headers={"X-Auth-Token": token}, timeout=60, trust_env=False) as client:
        yield client


def make(client: httpx.Client, data: bytes | None = None, **fields: object) -> str:
    answer = client.post("/v2/images", json=FORMATS | fields)
    assert answer.status_code == 201, answer.text
    made: str = answer.json()["id"]
    if data is not None:
        assert client.put(f"/v2/images/{made}/file", content=data, headers=OCTETS).status_code == 204
    return made


def ask(http: httpx.Client, image_id: str, region: str, source: str) -> httpx.Response:
    method = {"name": "glance-download", "glance_region": region, "glance_image_id": source}
    return http.post(f"/v2/images/{image_id}/import", json={"method": method})


def ended(http: httpx.Client, image_id: str) -> dict[str, object]:
    def tasks() -> list[dict[str, object]]:
        found: list[dict[str, object]] = http.get(f"/v2/images/{image_id}/tasks").json()["tasks"]
        return found

    wait_until(lambda: tasks()[0]["status"] in {"success", "failure"}, "the end of the import", seconds=90)
    return tasks()[0]


def require_copied(http: httpx.Client, image_id: str, data: bytes) -> None:
    task = ended(http, image_id)
    assert task["status"] == "success", task["message"]
    image = http.get(f"/v2/images/{image_id}").json()
    wanted = {"status": "active", "disk_format": "raw", **digests(data)}
    assert {name: image[name] for name in wanted} == wanted
    assert (image["os_distro"], image["hw_disk_bus"], image["mine"]) == ("debian", "scsi", "stays")
    assert "colour" not in image
    assert http.get(f"/v2/images/{image_id}/file").content == data


@pytest.fixture(scope="module")
def there(identity: Keystone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Intaglio, str]]:
    """Another Intaglio, and the region it is in."""
    conf = "[paste_deploy]\nflavor = keystone\n" + identity.section()
    with intaglio(tmp_path_factory.mktemp("there"), conf=conf, auth=None, workers=1) as running:
        yield running, identity.register(running.url)


def test_from_another_intaglio(here: Intaglio, there: tuple[Intaglio, str], http: httpx.Client, token: str) -> None:
    data, (service, region) = noise(3_000_000), there
    with httpx.Client(base_url=service.url, headers={"X-Auth-Token": token}, trust_env=False) as other:
        source = make(other, data, **HAS)
        empty = make(other)
    image_id = make(http, disk_format="iso", mine="stays")
    assert ask(http, image_id, region, source).status_code == 202
    require_copied(http, image_id, data)
    task = ended(http, image_id)
    assert "sealed_token" not in str(task)
    assert token not in here.log.read_text()
    with sqlite3.connect(here.data / "intaglio.sqlite") as kept:
        assert token not in "".join(str(row) for row in kept.execute("SELECT input FROM task_info"))
    # one that is not active: as it was, and the reason
    failing = make(http, disk_format="iso", os_distro="mine")
    assert ask(http, failing, region, empty).status_code == 202
    task = ended(http, failing)
    assert "it has to be active" in str(task["message"])
    image = http.get(f"/v2/images/{failing}").json()
    assert (image["status"], image["disk_format"], image["os_distro"]) == ("queued", "iso", "mine")


def test_what_was_described_is_taken_back(there: tuple[Intaglio, str], http: httpx.Client, token: str) -> None:
    service, region = there
    with httpx.Client(base_url=service.url, headers={"X-Auth-Token": token}, trust_env=False) as other:
        source = make(other, noise(1_000_000), **HAS)
    (file,) = (path for path in service.data.rglob(source) if path.is_file())
    file.write_bytes(bytes(1_000_000))  # not what its digest says
    image_id = make(http, disk_format="iso", os_distro="mine")
    assert ask(http, image_id, region, source).status_code == 202
    task = ended(http, image_id)
    assert task["status"] == "failure"
    image = http.get(f"/v2/images/{image_id}").json()
    assert (image["status"], image["size"], image["disk_format"]) == ("queued", None, "iso")
    assert (image["os_distro"], image.get("hw_disk_bus")) == ("mine", None)


def test_from_a_real_glance(
    identity: Keystone, here: Intaglio, http: httpx.Client, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = noise(2_000_000)
    with glance(tmp_path_factory.mktemp("glance"), processes=1, threads=2) as peer:
        region = identity.register(peer.url)
        with httpx.Client(base_url=peer.url, trust_env=False, timeout=60) as other:
            source = make(other, data, **HAS)
        image_id = make(http, disk_format="iso", mine="stays")
        assert ask(http, image_id, region, source).status_code == 202
        require_copied(http, image_id, data)


def test_no_such_region(http: httpx.Client) -> None:
    image_id = make(http)
    assert ask(http, image_id, "Atlantis", image_id).status_code == 202
    task = ended(http, image_id)
    assert "no public image service in the region 'Atlantis'" in str(task["message"])


def test_who_shows_no_token_of_keystone_has_no_regions(tmp_path: Path) -> None:
    with intaglio(tmp_path, auth="none", conf=METHODS, workers=1) as alone, httpx.Client(base_url=alone.url) as client:
        assert client.get("/v2/info/import").json()["import-methods"]["value"] == ["glance-direct"]
        answer = ask(client, make(client), "RegionTwo", "00000000-0000-0000-0000-000000000000")
        refused(answer, 400)
        assert answer.headers["x-intaglio-error"] == "import-method-not-offered"
