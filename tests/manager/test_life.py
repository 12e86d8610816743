"""The life of images under the manager, on a real service: made, rotated, retired, deleted, and never twice."""

from typing import Any

from tests.manager.conftest import Desk, changes, definition


def test_rotation_of_five_builds(desk: Desk) -> None:
    """Three visible, then community, then deletable; each run followed by one that has nothing to do."""
    names = "abcde"
    kept: dict[str, Any] = {"retention": {"visible": 3, "kept": 4}}
    expected = [
        {"X": ("a", "public")},
        {"X": ("b", "public"), "X (a)": ("a", "public")},
        {"X": ("c", "public"), "X (a)": ("a", "public"), "X (b)": ("b", "public")},
        {"X": ("d", "public"), "X (a)": ("a", "community"), "X (b)": ("b", "public"), "X (c)": ("c", "public")},
        {"X": ("e", "public"), "X (b)": ("b", "community"), "X (c)": ("c", "public"), "X (d)": ("d", "public")},
    ]
    ids: dict[str, str] = {}
    for number, wanted in enumerate(expected, 1):
        desk.write(definition("X", [desk.build(version) for version in names[:number]], **kept))
        if number == 5:
            assert [action.reason for action in desk.plan().actions if action.name == "X (a)"][-1:] == [
                "it may be deleted: retention keeps 4; --delete does"
            ]
        desk.apply(delete=True)
        assert desk.seen() == wanted
        assert changes(desk.plan(delete=True)) == []
        ids |= {
            image.properties["internal_version"]: ids.get(image.properties["internal_version"], image.id)
            for image in desk.images()
        }
        assert all(ids[image.properties["internal_version"]] == image.id for image in desk.images())


def test_versions_side_by_side(desk: Desk) -> None:
    """The sample RancherOS: three images; one that the file drops may be deleted, and nothing else changes."""
    versions = [desk.build(version) for version in ("1.3.0", "1.4.0", "1.4.1")]
    wanted = definition("RancherOS", versions, multi=False, meta={})
    desk.write(wanted)
    desk.apply()
    names = {f"RancherOS {version}": (version, "public") for version in ("1.3.0", "1.4.0", "1.4.1")}
    assert desk.seen() == names
    assert [image.properties["os_version"] for image in desk.images()] == ["1.3.0", "1.4.0", "1.4.1"]
    desk.write(definition("RancherOS", versions[1:], multi=False, meta={}))
    desk.apply()
    assert desk.seen() == names
    assert changes(desk.plan(delete=True, keep=True)) == []
    desk.apply(delete=True)
    assert sorted(desk.seen()) == ["RancherOS 1.4.0", "RancherOS 1.4.1"]
    assert changes(desk.plan(delete=True)) == []


def test_what_the_manager_writes(desk: Desk) -> None:
    build = desk.build("20260101", os_version="13.1", meta={"own": "1.10"}) | {"mirror_url": f"{desk.site.url}/none"}
    meta = {"os_distro": "debian", "os_version": "13", "hw_qemu_guest_agent": True, "image_description": "Debian, new"}
    desk.write(definition("Debian 13", [build], meta=meta, min_disk=3, min_ram=512, tags=["a"]))
    desk.apply()
    [image] = desk.images()
    assert image.properties == {
        "catalog_definition": "Debian 13",
        "catalog_digest": build["checksum"],
        "catalog_owned": "hw_qemu_guest_agent,image_build_date,image_description,image_name,image_original_user,"
        f"image_source,os_distro,os_version,own,tag:a,tag:{desk.tag},tag:os:debian",
        "hw_qemu_guest_agent": "True",
        "image_build_date": "2026-01-01",
        "image_description": "Debian, new",
        "image_name": "Debian 13",
        "image_original_user": "debian",
        "image_source": build["url"],
        "internal_version": "20260101",
        "os_distro": "debian",
        "os_version": "13.1",
        "own": "1.10",
    }
    assert (image.min_disk, image.min_ram, image.disk_format) == (3, 512, "raw")
    assert image.tags == tuple(sorted(["a", desk.tag, "os:debian"]))
