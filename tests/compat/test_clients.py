"""One bootable image through the hands of all three clients, and over a restart."""

import hashlib
from pathlib import Path

import pytest

from tests.api.wire import differs
from tests.compat.conftest import Clients, Service

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def image_id(user: Clients, iso: Path) -> str:
    """The bootable image, as `openstack image create --file` brought it up."""
    made = user.document(
        *("create", "--file", iso, "--disk-format", "iso", "--container-format", "bare", "--private"),
        *("--property", "os_distro=grub", "--tag", "rescue", "--min-ram", "64", "boot me"),
    )
    return str(made["id"])


def test_shows_in_all_three(user: Clients, image_id: str, iso: Path) -> None:
    shown = user.document("show", image_id)
    assert (shown["name"], shown["status"], shown["size"]) == ("boot me", "active", iso.stat().st_size)
    assert (shown["disk_format"], shown["min_ram"], shown["visibility"]) == ("iso", 64, "private")
    assert shown["tags"] == ["rescue"]
    assert shown["properties"]["os_distro"] == "grub"
    assert shown["properties"]["os_hash_value"] == hashlib.sha512(iso.read_bytes()).hexdigest()
    assert user.document("show", "boot me")["id"] == image_id
    assert image_id in [image["ID"] for image in user.document("list", "--private", "--tag", "rescue")]
    assert [image["Name"] for image in user.document("list", "--name", "boot me")] == ["boot me"]
    assert user.document("list", "--name", "no such image") == []
    assert image_id in user.glance("image-list")
    by_glance = user.glance("image-show", image_id)
    assert "boot me" in by_glance
    assert "os_distro" in by_glance


def test_comes_back_bit_for_bit(user: Clients, service: Service, image_id: str, iso: Path, tmp_path: Path) -> None:
    for name in ("first", "after a restart"):
        user.openstack("save", "--file", tmp_path / name, image_id)
        assert digest(tmp_path / name) == digest(iso)
        service.restart()
    shown = user.document("show", image_id)
    assert (shown["status"], shown["tags"]) == ("active", ["rescue"])
    user.glance("image-download", "--file", str(tmp_path / "by glance"), image_id)
    assert digest(tmp_path / "by glance") == digest(iso)


def test_set_and_unset(user: Clients, image_id: str) -> None:
    user.openstack(
        *("set", "--name", "boot me too", "--property", "os_version=2.06", "--property", "hw_disk_bus=ide"),
        *("--tag", "second", "--min-disk", "1", "--shared", image_id),
    )
    shown = user.document("show", image_id)
    assert (shown["name"], shown["min_disk"], shown["visibility"]) == ("boot me too", 1, "shared")
    assert sorted(shown["tags"]) == ["rescue", "second"]
    assert shown["properties"].items() >= {"os_version": "2.06", "hw_disk_bus": "ide"}.items()
    user.openstack("unset", "--property", "hw_disk_bus", "--tag", "second", image_id)
    shown = user.document("show", image_id)
    assert shown["tags"] == ["rescue"]
    assert "hw_disk_bus" not in shown["properties"]
    user.openstack("set", "--deactivate", image_id)
    assert user.document("show", image_id)["status"] == "deactivated"
    user.openstack("set", "--activate", "--name", "boot me", image_id)
    assert user.document("show", image_id)["status"] == "active"
    user.openstack("set", "--protected", image_id)
    assert "protected" in user.refused("delete", image_id)
    user.openstack("set", "--unprotected", image_id)


def test_sorted_and_paged(user: Clients) -> None:
    for name in ("page b", "page a", "page c"):
        user.openstack("create", "--tag", "paged", name)
    wanted = ["page a", "page b", "page c"]
    found = user.document("list", "--tag", "paged", "--sort", "name:asc", "--limit", "10")
    assert [image["Name"] for image in found] == wanted
    names = [image["Name"] for image in user.document("list", "--tag", "paged", "--long", "--page-size", "1")]
    assert sorted(names) == wanted
    user.openstack("delete", *wanted)
    assert user.document("list", "--tag", "paged") == []


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("show", "no such image"), "no such image"),
        (("create", "--disk-format", "raw", "--id", "no-uuid", "x"), "id"),
        (("create", "--property", "os_glance_x=y", "x"), "os_glance_x"),
        (("create", "--min-ram", "-1", "x"), "min_ram"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_reason_is_shown(user: Clients, words: tuple[str, ...], reason: str) -> None:
    assert reason in user.refused(*words)


@differs("Glance sends its reason as plain text, which the client drops")
def test_content_that_is_not_what_it_is_said_to_be(user: Clients, tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"this is no iso image\n" * 5000)
    said = user.refused(
        *("create", "--file", tmp_path / "text", "--disk-format", "iso", "--container-format", "bare", "not an iso"),
    )
    assert "iso" in said
    assert "415" in said or "format" in said


class TestGlanceCommand:
    def test_arc(self, user: Clients, iso: Path, tmp_path: Path) -> None:
        made = user.glance(
            *("image-create", "--name", "by glance", "--disk-format", "iso", "--container-format", "bare"),
            *("--file", str(iso), "--property", "p=v", "--tags", "x"),
        )
        image_id = next(line.split("|")[2].strip() for line in made.splitlines() if line.startswith("| id "))
        user.glance("image-update", "--name", "changed", "--property", "q=w", "--remove-property", "p", image_id)
        shown = user.document("show", image_id)
        assert (shown["name"], shown["properties"].get("q"), "p" in shown["properties"]) == ("changed", "w", False)
        user.glance("image-tag-update", image_id, "y")
        user.glance("image-tag-delete", image_id, "x")
        assert user.document("show", image_id)["tags"] == ["y"]
        user.glance("image-deactivate", image_id)
        assert user.document("show", image_id)["status"] == "deactivated"
        user.glance("image-reactivate", image_id)
        user.glance("image-download", "--file", str(tmp_path / "copy"), image_id)
        assert digest(tmp_path / "copy") == digest(iso)
        user.glance("image-delete", image_id)
        assert image_id in user.glance_refused("image-show", image_id)

    def test_reason_is_shown(self, user: Clients, image_id: str) -> None:
        assert "status" in user.glance_refused("image-update", "--property", "status=x", image_id).lower()
        unknown = "00000000-0000-4000-8000-000000000000"
        assert unknown in user.glance_refused("image-show", unknown)
        assert unknown in user.glance_refused("image-download", unknown)

    def test_upload_later(self, user: Clients, iso: Path) -> None:
        image_id = user.python("sdk_reserve.py")
        assert user.document("show", image_id)["status"] == "queued"
        user.glance("image-upload", "--file", str(iso), image_id)
        shown = user.document("show", image_id)
        assert (shown["status"], shown["size"]) == ("active", iso.stat().st_size)
        assert "409" in user.glance_refused("image-upload", "--file", str(iso), image_id)
        user.openstack("delete", image_id)


def test_openstacksdk(user: Clients, iso: Path, tmp_path: Path) -> None:
    seen = user.python("sdk_tour.py", iso, tmp_path / "saved")
    error, mismatch = seen.pop("error"), seen.pop("mismatch")
    assert seen == {
        "created": ["active", iso.stat().st_size, True, ["one", "two"], 64],
        "found": True,
        "got": "grub",
        "listed": True,
        "by_name": [True],
        "updated": ["renamed", 3, "other"],
        "tags": ["three", "two"],
        "streamed": True,
        "saved": True,
        "whole": True,
        "memory": iso.stat().st_size,
        "deactivated": "deactivated",
        "reactivated": "active",
        "gone": True,
    }
    assert "404" in error
    assert "415" in mismatch


def test_deleted_everywhere(user: Clients, image_id: str) -> None:
    user.openstack("delete", image_id)
    assert image_id in user.refused("show", image_id)
    assert image_id not in user.glance("image-list")
