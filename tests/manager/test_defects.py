"""The defects of the original program that were proven by running it, each as a test that it does not exist here."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from intaglio.base.errors import IntaglioError
from intaglio.manager import catalogue
from intaglio.manager.actions import Delete, Import, Keep, Plan
from intaglio.manager.apply import TooManyDeletions
from tests.manager.conftest import Desk, changes, definition
from tests.starters.intaglio import COMMAND

ORIGINAL = COMMAND.with_name("openstack-image-manager")


def kinds(plan: Plan) -> list[str]:
    return [type(action).__name__ for action in changes(plan)]


def command(desk: Desk, *words: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(desk.home), "OS_CLIENT_CONFIG_FILE": str(desk.clouds)}
    full = [ORIGINAL, "--tag", desk.tag, "--images", desk.files, "--cloud", "intaglio", *words]
    return subprocess.run(full, env=environment, capture_output=True, text=True, check=False)


def test_01_a_new_build_is_imported_and_the_old_one_keeps_its_label(desk: Desk) -> None:
    desk.write(definition("X", [desk.build("1")]))
    desk.apply()
    desk.write(definition("X", [desk.build("2")]))
    desk.apply()
    assert desk.seen() == {"X": ("2", "public"), "X (1)": ("1", "public")}
    old = next(image for image in desk.images() if image.name == "X (1)")
    assert old.properties["image_source"].endswith("/1/disk.img")


def test_02_what_was_deleted_is_not_imported_again(desk: Desk) -> None:
    versions = [desk.build(version) for version in "123"]
    desk.write(definition("X", versions, meta={"uuid_validity": "last-3"}))
    desk.apply()
    desk.write(definition("X", versions, meta={"uuid_validity": "last-2"}))
    assert [each.kind for each in desk.apply(delete=True) if each.kind == "delete"] == ["delete"]
    assert set(desk.seen()) == {"X", "X (2)"}
    assert changes(desk.plan(delete=True)) == []
    assert changes(desk.plan()) == []


def test_03_an_error_in_a_definition_makes_nothing_a_candidate(desk: Desk) -> None:
    wanted = definition("X", [desk.build("1"), desk.build("2")], multi=False, meta={"uuid_validity": "none"})
    desk.write(wanted)
    desk.apply()
    wanted["versions"].append({"version": "latest", "url": f"{desk.site.url}/x"})
    desk.write(wanted)
    with pytest.raises(catalogue.CatalogueInvalid):
        desk.plan(delete=True)
    made = desk.plan(strict=False, delete=True)
    assert made.failed
    assert changes(made) == []


def test_04_two_builds_added_at_once_take_no_names_from_each_other(desk: Desk) -> None:
    desk.write(definition("X", [desk.build("a"), desk.build("b")]))
    desk.apply()
    desk.write(definition("X", [desk.build("c"), desk.build("d")]))
    desk.apply()
    assert desk.seen() == {
        "X": ("d", "public"),
        "X (c)": ("c", "public"),
        "X (b)": ("b", "public"),
        "X (a)": ("a", "community"),
    }


def test_05_visibility_does_not_flap(desk: Desk) -> None:
    desk.write(definition("X", [desk.build(version) for version in "123"]))
    desk.apply(hide=True)
    assert [visibility for _, visibility in desk.seen().values()] == ["public", "community", "community"]
    assert changes(desk.plan(hide=True)) == []


def test_06_a_deactivated_image_stays_so_and_blocks_nothing(desk: Desk) -> None:
    versions = [desk.build(version) for version in "12"]
    desk.write(definition("X", versions, meta={"uuid_validity": "last-2"}))
    desk.apply()
    desk.write(definition("X", versions, meta={"uuid_validity": "none"}))
    desk.apply(deactivate=True)
    assert [image.status for image in desk.images()] == ["active", "deactivated"]
    assert changes(desk.plan(deactivate=True)) == []
    desk.write(definition("Y", [desk.build("1")], multi=False, status="deactivated"), name="y.yml")
    desk.apply(deactivate=True)
    assert changes(desk.plan(deactivate=True)) == []
    assert [image.status for image in desk.images()] == ["active", "deactivated", "deactivated"]


def test_07_an_unreachable_host_fails_its_own_image_only(desk: Desk) -> None:
    dead = {"version": "1", "url": "http://127.0.0.1:9/disk.img", "checksum": "sha256:" + "0" * 64}
    desk.write(definition("A", [dead]), definition("B", [desk.build("1")]))
    outcomes = {each.name: each for each in desk.try_()}
    assert outcomes["A"].result == "failed"
    assert "the connection is refused" in outcomes["A"].message
    assert list(desk.seen()) == ["B"]


def test_08_an_import_that_failed_is_taken_up_again(desk: Desk) -> None:
    desk.write(definition("X", [desk.build("1")]))
    left = desk.service.create({
        "name": "X (1)", "tags": [desk.tag], "disk_format": "raw", "container_format": "bare",
    })  # as the original leaves it  # fmt: skip
    [action] = changes(desk.plan())
    assert isinstance(action, Import)
    assert action.image_id == left["id"]
    desk.apply()
    assert desk.seen() == {"X": ("1", "public")}
    assert changes(desk.plan()) == []


def test_09_hidden_images_are_seen_whatever_the_options(desk: Desk) -> None:
    desk.write(definition("X", [desk.build(version) for version in "12"]))
    desk.apply(os_hidden=True)
    assert [image.hidden for image in desk.images()] == [False, True]
    assert not any(isinstance(each, Import) for each in changes(desk.plan()))


def test_10_duplicates_are_seen_and_told_apart(desk: Desk) -> None:
    desk.write(definition("X", [desk.build("1")]))
    desk.apply()
    twin = desk.images()[0]
    fields = {"name": "X", "tags": [desk.tag], "disk_format": "raw", "container_format": "bare"}
    other = desk.service.create(fields | twin.properties)
    desk.service.upload(str(other["id"]), b"other bytes")
    desk.apply()
    assert sorted(desk.seen()) == ["X", "X (1)"]
    assert changes(desk.plan()) == []


def test_11_images_of_other_projects_are_never_touched(desk: Desk) -> None:
    desk.write(definition("X", [desk.build("1")]))
    desk.apply()
    own = desk.images()[0]
    fields = {"name": "X", "tags": [desk.tag], "owner": "somebody", "image_description": "X"}
    foreign = desk.service.create(fields)
    with pytest.raises(IntaglioError, match="several projects"):
        desk.plan()
    desk.write(definition("X", [desk.build("2")]))
    desk.apply(project=own.owner)
    assert dict(desk.service.get(str(foreign["id"]))) == dict(foreign)
    assert desk.service.get(own.id)["name"] == "X (1)"


def test_12_a_filter_that_ends_in_a_dollar_cleans_up_too(desk: Desk) -> None:
    versions = [desk.build(version) for version in "123"]
    desk.write(definition("X", versions), definition("X Minimal", [desk.build("9")]))
    desk.apply()
    desk.write(definition("X", versions, meta={"uuid_validity": "last-2"}), definition("X Minimal", []))
    assert [each.name for each in desk.plan(filter="X$", delete=True).deletions] == ["X (1)"]
    with pytest.raises(IntaglioError, match="regular expression"):
        desk.plan(filter="(")


def test_13_tags_and_properties_of_an_operator_survive(desk: Desk) -> None:
    wanted = definition("X", [desk.build("1")], tags=["ours", "passing"])
    wanted["meta"]["passing"] = "yes"
    desk.write(wanted)
    desk.apply()
    image = desk.images()[0]
    desk.service.patch(image.id, {"tags": [*image.tags, "theirs"], "their_property": "1", "os_version": "12"})
    wanted = definition("X", [desk.build("1")], tags=["ours"])
    desk.write(wanted)
    desk.apply()
    image = desk.images()[0]
    assert image.tags == tuple(sorted([desk.tag, "os:debian", "ours", "theirs"]))
    assert (image.properties["their_property"], image.properties["os_version"]) == ("1", "13")
    assert "passing" not in image.properties
    assert changes(desk.plan()) == []


def test_14_one_public_generic_image_after_the_first_import_of_two(desk: Desk) -> None:
    desk.write(definition("X", [desk.build("1"), desk.build("2")], meta={"os_purpose": "generic"}))
    desk.apply()
    assert [image.properties["os_purpose"] for image in desk.images()] == ["generic", "oldgeneric"]


def test_15_the_samples_of_the_document_load(desk: Desk) -> None:
    found = catalogue.read(Path(__file__).parent / "samples")
    assert found.errors == ()
    assert [each.name for each in found.definitions] == ["MyCirros", "RancherOS", "Ubuntu 24.04"]


def test_16_a_path_that_is_missing_fails_the_check(desk: Desk) -> None:
    done = command(desk, "--check-only")
    assert done.returncode == 1
    assert "There is no file or directory" in done.stderr


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_17_redirects_of_every_kind_are_followed(desk: Desk, status: int) -> None:
    build = desk.build("1")
    desk.site.put("/moved", b"", status=status, location=build["url"])
    desk.write(definition("X", [build | {"url": f"{desk.site.url}/moved"}]))
    desk.apply()
    assert list(desk.seen()) == ["X"]


def test_18_a_name_that_is_defined_twice_is_an_error(desk: Desk) -> None:
    desk.write(definition("X", [desk.build("1")]))
    desk.write(definition("X", [desk.build("2")]), name="other.yml")
    with pytest.raises(catalogue.CatalogueInvalid, match=r"other\.yml:2:3: error: .*all\.yml:2:3 defines this name"):
        desk.plan()


def test_19_a_changed_uuid_validity_reaches_images_that_are_not_listed(desk: Desk) -> None:
    desk.write(definition("X", [desk.build(version) for version in "123"]))
    desk.apply()
    desk.write(definition("X", [desk.build("3")], meta={"uuid_validity": "last-2"}))
    assert [each.name for each in desk.plan(delete=True).deletions] == ["X (1)"]
    desk.write(definition("X", [desk.build("3")], meta={"uuid_validity": "last-5"}))
    assert desk.plan(delete=True).deletions == ()


def test_20_a_required_key_that_is_missing_is_said_once(desk: Desk) -> None:
    wanted: dict[str, Any] = definition("X", [desk.build("1")])
    del wanted["format"]
    desk.write(wanted, definition("Y", [desk.build("1")]))
    made = desk.plan(strict=False)
    assert [note.definition for note in made.notes if note.severity == "error"] == ["X"]
    assert kinds(made) == ["Import"]


def test_21_an_image_without_any_property_is_no_trouble(desk: Desk) -> None:
    desk.write(definition("X", [desk.build("1")]))
    made = desk.service.create({"name": "X", "tags": [desk.tag], "disk_format": "raw", "container_format": "bare"})
    desk.service.upload(str(made["id"]), b"bytes")
    desk.apply()
    assert changes(desk.plan()) == []


def test_a_run_deletes_no_more_than_it_may(desk: Desk) -> None:
    versions = [desk.build(version) for version in "1234"]
    desk.write(definition("X", versions, meta={"uuid_validity": "forever"}))
    desk.apply()
    desk.write(definition("X", versions, meta={"uuid_validity": "none"}))
    with pytest.raises(TooManyDeletions, match="3 images would be deleted"):
        desk.apply(delete=True, delete_limit=2)
    assert len(desk.images()) == 4
    assert [type(each) for each in desk.plan().actions if isinstance(each, Delete | Keep)] == [Keep] * 3


def test_the_original_command_runs_the_first_sample(desk: Desk) -> None:
    """Its options, its names, against a service: what the tutorial of the original types."""
    text = (Path(__file__).parent / "samples" / "cirros.yml").read_text()
    build = desk.build("0.6.0")
    lines = [line for line in text.splitlines() if not line.strip().startswith(("url:", "checksum:", "format:"))]
    lines += [f"        url: {build['url']}", f"        checksum: {build['checksum']}"]
    desk.files.mkdir()
    (desk.files / "getting-started.yml").write_text(
        "\n".join(lines).replace("login: cirros", "login: cirros\n    format: raw")
    )
    done = command(desk, "--filter", ".*Cirr.*", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "MyCirros 0.6.0" in done.stdout
    assert desk.images() == []
    done = command(desk, "--filter", ".*Cirr.*")
    assert done.returncode == 0, done.stderr
    assert desk.seen() == {"MyCirros 0.6.0": ("0.6.0", "private")}
    assert desk.images()[0].properties["image_original_user"] == "cirros"
    assert command(desk, "--unknown").returncode == 2
