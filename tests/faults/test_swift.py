"""Images in a real Swift, by the whole service: up and down, interrupted, killed, with the server gone."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.faults.client import MIB, HalfUpload, content, create, get, leases, put, show, wait_for_status
from tests.starters.base import wait_until
from tests.starters.intaglio import Intaglio, intaglio
from tests.starters.swift import Swift, swift
from tests.stores.swift_stores import Bystander, container_name, options

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swift]:
    """This module's own: it is killed."""
    with swift(tmp_path_factory.mktemp("swift")) as running:
        yield running


@pytest.fixture(scope="module")
def container() -> str:
    return container_name()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, server: Swift, container: str) -> Iterator[Intaglio]:
    lines = "".join(f"{name} = {value}\n" for name, value in options(server, container).items())
    conf = (
        "[DEFAULT]\nenabled_backends = cloud:swift\nshow_multiple_locations = true\nshow_image_direct_url = true\n"
        f"[glance_store]\ndefault_backend = cloud\n[cloud]\nswift_store_large_object_chunk_size = 2\n{lines}"
    )
    with intaglio(tmp_path_factory.mktemp("service"), auth="none", conf=conf) as running:
        yield running


@pytest.fixture
def service(shared: Intaglio, server: Swift, container: str) -> Iterator[Intaglio]:
    """The service; afterwards it has no image, and the container nothing at all."""
    yield shared
    for image in httpx.get(f"{shared.url}/v2/images").json()["images"]:
        assert httpx.delete(f"{shared.url}/v2/images/{image['id']}", timeout=60).status_code == 204
    wait_until(lambda: leases(shared) == [], "everything to be cleaned up")
    assert Bystander(server).names(container) == []


def test_the_life_of_an_image(service: Intaglio, server: Swift, container: str) -> None:
    data = content(7 * MIB + 5)
    for size in (0, 1, len(data)):
        image_id = create(service.url)
        assert put(service.url, image_id, data[:size]).status_code == 204
        assert get(service.url, image_id).content == data[:size]
    path = f"{service.url}/v2/images/{image_id}/file"
    for first, last in ((0, 0), (5 * MIB - 3, 5 * MIB + 3), (len(data) - 1, len(data) + 9)):
        part = httpx.get(path, headers={"Range": f"bytes={first}-{last}"})
        assert (part.status_code, part.content) == (206, data[first : last + 1])
    assert image_id in Bystander(server).names(container)


def test_passwords_in_locations_are_not_shown(service: Intaglio, server: Swift, container: str) -> None:
    """Without a file of accounts Glance needs them there; metadata beside them can be changed all the same."""
    image_id = create(service.url)
    assert put(service.url, image_id, b"data").status_code == 204
    shown = show(service.url, image_id)
    place = f"swift+http://{server.auth_url.removeprefix('http://')}/{container}/{image_id}"
    assert (shown["direct_url"], shown["locations"][0]["url"]) == (place, place)
    assert server.key not in httpx.get(f"{service.url}/v2/images").text + service.log.read_text()
    headers = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
    change = [{"op": "replace", "path": "/locations", "value": [{"url": place, "metadata": {"note": "kept"}}]}]
    answer = httpx.patch(f"{service.url}/v2/images/{image_id}", json=change, headers=headers)
    assert (answer.status_code, answer.json()["locations"][0]["metadata"]["note"]) == (200, "kept")
    assert get(service.url, image_id).content == b"data"


@pytest.mark.parametrize("how", ["client", "power"])
def test_interrupted(service: Intaglio, server: Swift, container: str, how: str) -> None:
    """The client hangs up, or every process is killed: the image is queued, no segment stays, a retry works."""
    data = content(9 * MIB)
    image_id = create(service.url)
    with HalfUpload(service, image_id, len(data), chunked=True) as upload:
        upload.send(data[: 8 * MIB])
        wait_until(lambda: Bystander(server).names(container) != [], "segments in the store")
        if how == "power":
            service.kill()
    if how == "power":
        service.start()
    wait_for_status(service.url, image_id, "queued")
    wait_until(lambda: leases(service) == [], "the claim to be released")
    assert Bystander(server).names(container) == []
    assert put(service.url, image_id, data).status_code == 204
    assert get(service.url, image_id).content == data


def test_the_server_is_gone_and_comes_back(service: Intaglio, server: Swift) -> None:
    """503 that names the store, for what needs it and nothing else; then all goes on without a restart."""
    data = content(3 * MIB)
    image_id, other = create(service.url), create(service.url)
    assert put(service.url, image_id, data).status_code == 204
    server.kill()
    try:
        refused = put(service.url, other, data)
        assert (refused.status_code, "cloud" in refused.text) == (503, True)
        assert get(service.url, image_id).status_code == 503
        health = httpx.get(f"{service.url}/healthcheck")
        assert (health.status_code, "cloud" in health.text) == (503, True)
        assert show(service.url, image_id)["status"] == "active"
    finally:
        server.start()
    wait_until(lambda: get(service.url, image_id).content == data, "the server to answer again")
    wait_for_status(service.url, other, "queued", 60)
    wait_until(lambda: put(service.url, other, data).status_code == 204, "the server to take data again")


def test_a_wrong_password_is_said(tmp_path: Path, server: Swift, container: str) -> None:
    lines = "".join(f"{name} = {value}\n" for name, value in options(server, container).items() if "key" not in name)
    conf = (
        "[DEFAULT]\nenabled_backends = cloud:swift\n[glance_store]\ndefault_backend = cloud\n"
        f"[cloud]\nswift_store_key = a-secret-that-is-wrong\n{lines}"
    )
    with intaglio(tmp_path, auth="none", workers=1, conf=conf, started=False) as service:
        service.start(healthy=False)
        image_id = create(service.url)
        answer = put(service.url, image_id, content(1000))
        assert (answer.status_code, "could not sign in" in answer.text) == (503, True)
        assert "a-secret-that-is-wrong" not in answer.text + service.log.read_text()
