"""The same manager against the real Glance: images are staged and imported there, and agree in every respect."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from intaglio.client.cloud import ImageService, connect
from tests.manager.conftest import Desk, changes, definition
from tests.manager.upstream import Upstream
from tests.starters.glance import glance
from tests.starters.mariadb import mariadb

WHO = {  # Glance imports only for somebody
    "X-Identity-Status": "Confirmed",
    "X-User-Id": "curator",
    "X-Project-Id": "images",
    "X-Roles": "admin,member,reader",
}
pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ImageService, Path]]:
    directory = tmp_path_factory.mktemp("glance")
    with (
        mariadb() as database,  # imports of two processes into one SQLite file now and then end in a 500
        glance(directory, connection=database.create("glance"), auth="headers") as server,
        pytest.MonkeyPatch.context() as patch,
        warnings.catch_warnings(action="ignore"),
    ):
        clouds = directory / "clouds.yaml"
        auth = f"auth_type: none, auth: {{endpoint: '{server.url}'}}, image_endpoint_override: '{server.url}'"
        clouds.write_text(f"clouds: {{peer: {{{auth}}}}}\n")
        patch.setenv("OS_CLIENT_CONFIG_FILE", str(clouds))
        made = connect("peer")
        made._adapter.additional_headers = WHO
        yield made, clouds


def test_a_rotation_on_glance(peer: tuple[ImageService, Path], desk: Desk, site: Upstream, tmp_path: Path) -> None:
    other = Desk(tmp_path / "peer", peer[0], site, desk.tag, peer[1])
    other.home.mkdir()
    for versions in (["1", "2"], ["1", "2", "3"], ["1", "2", "3", "4"]):
        for each in (desk, other):
            each.write(definition("X", [each.build(version) for version in versions], min_disk=1))
            each.apply()
            assert changes(each.plan()) == []
        assert desk.seen() == other.seen()
    for ours, theirs in zip(desk.images(), other.images(), strict=True):
        assert ours.properties == theirs.properties
        assert (ours.tags, ours.min_disk, ours.status) == (theirs.tags, theirs.min_disk, theirs.status)
        assert ours.hash_value == theirs.hash_value
    assert "glance-direct" in other.service.import_methods()
