"""Imports from a URL by the ordinary commands, from nginx on this machine, which the operator allowed."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compat.conftest import Clients, Service
from tests.compat.test_imports import FORMATS, await_active
from tests.starters.clients import clients
from tests.starters.intaglio import intaglio
from tests.starters.nginx import Nginx, nginx

pytestmark = [pytest.mark.real, pytest.mark.ours, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def web(iso: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with nginx(iso.parent, tmp_path_factory.mktemp("nginx"), workers=1) as server:
        yield server


@pytest.fixture(scope="module")
def allowed(web: Nginx, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    """A person whose service may fetch from there."""
    directory = tmp_path_factory.mktemp("allowed")
    conf = f"[import_filtering_opts]\nallowed_hosts = 127.0.0.1\nallowed_ports = {web.port}\n"
    with intaglio(directory, conf=conf, workers=1) as service:
        found = Service(service.url, service.clouds, service, peer=False)
        yield Clients(clients(), found, tmp_path_factory.mktemp("home"))


def digest(user: Clients, image_id: str) -> object:
    shown = user.document("show", image_id)
    return shown["properties"]["os_hash_value"] if "properties" in shown else shown["os_hash_value"]


def test_openstack(allowed: Clients, web: Nginx, iso: Path) -> None:
    image_id = str(allowed.python("sdk_reserve.py"))
    allowed.openstack("import", "--method", "web-download", "--uri", f"{web.url}/{iso.name}", image_id)
    await_active(allowed, image_id)
    assert digest(allowed, image_id) == hashlib.sha512(iso.read_bytes()).hexdigest()


def test_glance(allowed: Clients, web: Nginx, iso: Path) -> None:
    words = ("--import-method", "web-download", "--uri", f"{web.url}/{iso.name}")
    said = allowed.glance("image-create-via-import", *words, *FORMATS, "--name", "by glance", terminal=True)
    image_id = next(line.split("|")[2].strip() for line in said.splitlines() if line.startswith("| id "))
    await_active(allowed, image_id)
    assert digest(allowed, image_id) == hashlib.sha512(iso.read_bytes()).hexdigest()


def test_the_reason_reaches_the_person(allowed: Clients) -> None:
    """By the glance command: `openstack image import` does not look at the answer."""
    image_id = str(allowed.python("sdk_reserve.py"))
    words = ("--import-method", "web-download", "--uri", "http://169.254.169.254/")
    said = allowed.glance_refused("image-import", *words, image_id)
    assert "the operator does not allow the host 169.254.169.254" in said
