"""What the manual of the original promises, row by row: each has a test, here or where it is named."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from intaglio.client.cloud import connect
from intaglio.manager import catalogue
from tests.manager.conftest import Desk, changes, definition
from tests.manager.test_running import catalog
from tests.manager.upstream import Upstream
from tests.starters.intaglio import intaglio

PROMISES = {
    "01 it is installed with pip, and needs no checkout": "test_promises.test_it_needs_no_checkout",
    "02 the sample MyCirros loads": "test_defects.test_15_the_samples_of_the_document_load",
    "03 --cloud, --filter, --images": "test_defects.test_the_original_command_runs_the_first_sample",
    "04 one private image, MyCirros 0.6.0": "test_defects.test_the_original_command_runs_the_first_sample",
    "05 a dry run validates, also without network": "test_promises.test_validation_is_offline",
    "06 the sample Ubuntu 24.04, two builds": "test_comparison.test_the_same",
    "07 the sample RancherOS, three versions": "test_comparison.test_the_same",
    "08 login, description, build date, source": "test_life.test_what_the_manager_writes",
    "09 two builds make X (old) and X, a third rotates": "test_life.test_rotation_of_five_builds",
    "10 three visible, the fourth community, then deletable": "test_life.test_rotation_of_five_builds",
    "11 multi: false neither rotates nor hides": "test_life.test_versions_side_by_side",
    "12 URL, name and format never change": "test_promises.test_what_never_changes",
    "13 any key in meta": "test_life.test_what_the_manager_writes",
    "14 changed meta, min_disk and min_ram": "test_promises.test_what_the_file_changes_is_changed",
    "15 deactivated, and active again": "test_promises.test_deactivated_and_active_again",
    "16 four visibilities": "test_promises.test_four_visibilities",
    "17 the cloud's quota": "test_promises.test_a_quota_that_is_used_up",
    "18 a mirror in object storage": "test_mirror.test_what_is_there_is_not_fetched_again",
    "19 the newest builds find their way into the files": "test_update.test_what_a_person_wrote_stays",
    "20 tags": "test_defects.test_13_tags_and_properties_of_an_operator_survive",
}


@pytest.mark.parametrize("promise", PROMISES)
def test_each_promise_has_a_test(promise: str) -> None:
    module, _, name = PROMISES[promise].partition(".")
    assert callable(getattr(importlib.import_module(f"tests.manager.{module}"), name, None))


def test_it_needs_no_checkout(desk: Desk) -> None:
    """Run in an empty directory, everything that it reads comes with the package."""
    desk.write(definition("X", [desk.build("1")]))
    assert catalog(desk, "validate", "images").returncode == 0


def test_validation_is_offline(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.socket.connect", None)
    desk.write(definition("X", [{"version": "1", "url": "http://nowhere.invalid/x"}]))
    assert catalogue.checked(catalogue.read(desk.files)).definitions[0].name == "X"


def test_what_never_changes(desk: Desk) -> None:
    """Of an image that is there: its source, its name's version, its format and its data, whatever the file says."""
    desk.write(definition("X", [desk.build("1")], multi=False))
    desk.apply()
    [before] = desk.images()
    moved = desk.site.put(f"/{desk.tag}/moved/disk.img", desk.site.things[f"/{desk.tag}/1/disk.img"].body)
    desk.write(definition("X", [desk.build("1") | {"url": moved}], multi=False, format="qcow2"))
    desk.apply()
    [after] = desk.images()
    assert after == before
    assert after.properties["image_source"].endswith("/1/disk.img")


def test_what_the_file_changes_is_changed(desk: Desk) -> None:
    desk.write(definition("X", [desk.build("1")]))
    desk.apply()
    meta = {"os_distro": "debian", "os_version": "14", "uuid_validity": "last-3", "hw_disk_bus": "scsi"}
    desk.write(definition("X", [desk.build("1")], meta=meta, min_disk=7, min_ram=700, login="root"))
    assert {change.field for action in changes(desk.plan()) for change in getattr(action, "changes", ())} == {
        "min_disk",
        "min_ram",
        "property:catalog_owned",
        "property:hw_disk_bus",
        "property:image_original_user",
        "property:os_version",
    }
    desk.apply()
    [image] = desk.images()
    assert (image.min_disk, image.min_ram) == (7, 700)
    said = {name: image.properties[name] for name in ("os_version", "hw_disk_bus", "image_original_user")}
    assert said == {"os_version": "14", "hw_disk_bus": "scsi", "image_original_user": "root"}


@pytest.mark.parametrize("multi", [True, False])
def test_deactivated_and_active_again(desk: Desk, multi: bool) -> None:
    wanted = definition("X", [desk.build("1")], multi=multi)
    for status in ("deactivated", "active", "deactivated"):
        desk.write(wanted | {"status": status})
        desk.apply()
        assert [image.status for image in desk.images()] == [status]
        assert changes(desk.plan()) == []


def test_four_visibilities(desk: Desk) -> None:
    """At first, and from each to the next."""
    kinds = ["public", "private", "community", "shared"]
    for turn in range(2):
        turned = kinds[turn:] + kinds[:turn]
        pairs = zip("ABCD", turned, strict=True)
        desk.write(*(definition(name, [desk.build(f"{name}1")], visibility=kind) for name, kind in pairs))
        desk.apply()
        assert [visibility for _, visibility in desk.seen().values()] == turned
        assert changes(desk.plan()) == []


@pytest.fixture
def small(tmp_path: Path, site: Upstream) -> Iterator[Desk]:
    """A cloud in which a project may have 2000 bytes."""
    conf = "[DEFAULT]\nuser_storage_quota = 2000\n[intaglio]\nrate_limit_import =\n"
    with intaglio(tmp_path, workers=1, conf=conf) as cloud, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OS_CLIENT_CONFIG_FILE", str(cloud.clouds))
        yield Desk(tmp_path / "desk", connect("intaglio"), site, f"managed_{tmp_path.name}", cloud.clouds)


@pytest.mark.filterwarnings("ignore")
def test_a_quota_that_is_used_up(small: Desk) -> None:
    """What does not fit is said and leaves nothing; when there is room again, the next run brings it."""
    small.home.mkdir()
    body: dict[str, Any] = {"A": b"a" * 1500, "B": b"b" * 1500}
    urls = {name: small.site.put(f"/{small.tag}/{name}", data) for name, data in body.items()}
    small.write(*(definition(name, [{"version": "1", "url": urls[name]}], multi=False) for name in body))
    outcomes = small.try_(allow_unverified=True)
    assert [each.result for each in outcomes] == ["done", "failed"]
    assert "quota" in outcomes[1].message.lower()
    [image] = [image for image in small.images() if image.usable]
    assert image.name == "A 1"
    small.service.delete(image.id)
    small.write(definition("B", [{"version": "1", "url": urls["B"]}], multi=False))
    small.apply(allow_unverified=True)
    assert list(small.seen()) == ["B 1"]
