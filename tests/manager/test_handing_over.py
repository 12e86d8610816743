"""A cloud that verifies what it fetches is given URL and digest: the bytes do not pass the curator's machine."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from intaglio.client.cloud import connect
from intaglio.manager.actions import Import
from tests.manager.conftest import Desk, changes, definition
from tests.manager.upstream import Upstream
from tests.starters.intaglio import intaglio

CONF = "[intaglio]\nrate_limit_import =\nfetch_networks = 127.0.0.0/8\n[import_filtering_opts]\nallowed_ports =\n"


@pytest.fixture(scope="module")
def fetching(tmp_path_factory: pytest.TempPathFactory, site: Upstream) -> Iterator[Desk]:
    directory = tmp_path_factory.mktemp("fetching")
    with intaglio(directory, workers=1, conf=CONF) as cloud, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OS_CLIENT_CONFIG_FILE", str(cloud.clouds))
        with warnings.catch_warnings(action="ignore"):
            service = connect("intaglio")
        yield Desk(directory / "desk", service, site, "managed_by_one_that_fetches", cloud.clouds)


@pytest.fixture
def own(fetching: Desk, tmp_path: Path) -> Desk:
    fetching.home = tmp_path
    fetching.tag = f"managed_by_{tmp_path.name}"
    fetching.progress.said.clear()
    return fetching


def test_the_cloud_fetches_and_verifies(own: Desk) -> None:
    assert own.service.checks_downloads()
    first, second = own.build("1"), own.build("2")
    own.write(definition("X", [first, second]))
    own.apply()
    assert changes(own.plan()) == []
    assert own.seen() == {"X (1)": ("1", "public"), "X": ("2", "public")}
    for image in own.images():
        assert image.properties["catalog_digest"] in {first["checksum"], second["checksum"]}
        assert "catalog_state" not in image.properties
    assert list((own.home / "cache").rglob("*.part")) == []
    assert [path for path in (own.home / "cache" / "blobs").iterdir() if path.is_file()] == []


def test_a_mirror_that_lies_is_not_believed(own: Desk) -> None:
    """The cloud refuses the mirror's bytes by their digest, and fetches the source's."""
    build = own.build("1")
    mirror = own.site.put(f"/{own.tag}/mirror.img", b"<html>gone</html>")
    own.write(definition("X", [build | {"mirror_url": mirror}]))
    own.apply()
    [image] = own.images()
    assert image.status == "active"
    assert image.properties["catalog_digest"] == build["checksum"]
    assert len(own.site.asked(f"/{own.tag}/1/disk.img")) == 1


def test_what_the_cloud_does_not_fetch_is_sent(desk: Desk) -> None:
    """It refuses addresses of its own network: that is said, and the image is filled the other way."""
    assert desk.service.checks_downloads()
    desk.write(definition("X", [desk.build("1")]))
    desk.apply()
    assert [said for said in desk.progress.said if "so it is sent" in said], desk.progress.said
    assert desk.seen() == {"X": ("1", "public")}


def test_wrong_bytes_everywhere_leave_nothing(own: Desk) -> None:
    build = own.build("1")
    own.site.put(f"/{own.tag}/1/disk.img", b"other bytes")
    own.write(definition("X", [build]))
    outcomes = own.try_()
    assert [each.result for each in outcomes] == ["failed"]
    assert "was published" in outcomes[0].message
    assert [image.status for image in own.images()] in ([], ["queued"])
    own.site.put(f"/{own.tag}/1/disk.img", own.site.things[f"/{own.tag}/1/disk.img"].body)
    own.build("1")
    own.apply()
    assert own.seen() == {"X": ("1", "public")}


def test_the_pinned_size_holds_for_what_the_cloud_fetches(own: Desk) -> None:
    own.write(definition("X", [own.build("1")]))
    [action] = changes(own.plan())
    assert isinstance(action, Import)
    wrong = msgspec.structs.replace(own.plan(), actions=(msgspec.structs.replace(action, size=7),))
    [outcome] = own.try_(wrong)
    assert (outcome.result, "7 are pinned" in outcome.message) == ("failed", True)
    assert own.images() == []
    right = msgspec.structs.replace(own.plan(), actions=(msgspec.structs.replace(action, size=len(_body(own))),))
    own.apply(right)
    assert own.seen() == {"X": ("1", "public")}


def _body(desk: Desk) -> bytes:
    return desk.site.things[f"/{desk.tag}/1/disk.img"].body
