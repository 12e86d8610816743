"""The Sovereign Cloud Stack's standards, rule by rule: an image that meets all of them, with one thing spoilt."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from intaglio.manager import catalogue
from intaglio.manager.scs.report import STANDARDS, findings
from intaglio.manager.scs.subject import Subject, of_definitions
from tests.manager.conftest import Desk, definition
from tests.manager.test_running import catalog

NOW = datetime(2026, 3, 1, tzinfo=UTC)
GIB = 1 << 30
PROPERTIES: Mapping[str, str] = {
    "architecture": "x86_64",
    "hw_disk_bus": "scsi",
    "hw_scsi_model": "virtio-scsi",
    "hw_rng_model": "virtio",
    "hypervisor_type": "qemu",
    "os_distro": "ubuntu",
    "os_version": "24.04",
    "os_purpose": "generic",
    "replace_frequency": "monthly",
    "uuid_validity": "last-3",
    "provided_until": "2029-05-31",
    "hotfix_hours": "48",
    "image_source": "https://cloud-images.ubuntu.com/noble/20260210/noble-server-cloudimg-amd64.img",
    "image_description": "Ubuntu 24.04",
    "image_original_user": "ubuntu",
    "image_build_date": "2026-02-10",
}
GOOD = Subject(
    name="Ubuntu 24.04",
    where="id",
    properties=PROPERTIES,
    tags=("managed_by_us", "os:ubuntu"),
    min_disk=3,
    min_ram=512,
    size=2 * GIB,
    created_at="2026-02-12T10:00:00Z",
    hash_algorithm="sha512",
)


def with_(subject: Subject = GOOD, /, **properties: str | None) -> Subject:
    changed = dict(subject.properties) | {name: value for name, value in properties.items() if value is not None}
    return msgspec.structs.replace(
        subject, properties={name: value for name, value in changed.items() if properties.get(name, "") is not None}
    )


def but(**fields: Any) -> Subject:
    return msgspec.structs.replace(GOOD, **fields)


def said(subjects: Sequence[Subject], *standards: str, now: datetime = NOW) -> list[tuple[str, str, str]]:
    return [(each.rule, each.level, each.image) for each in findings(subjects, standards or tuple(STANDARDS), now)]


def test_an_image_that_meets_all_of_it() -> None:
    assert said([GOOD], "scs-0102-v1", "scs-0102-v2") == []


MUSTS: dict[str, tuple[Subject, str]] = {
    **{
        f"no-{name}": (with_(**{name: None}), f"prop-{name}")
        for name in PROPERTIES
        if name not in {"hw_scsi_model", "hw_rng_model", "hypervisor_type", "hotfix_hours", "os_purpose"}
    },
    "architecture": (with_(architecture="amd64"), "prop-architecture"),
    "bus": (with_(hw_disk_bus="ide"), "prop-hw_disk_bus"),
    "hypervisor": (with_(hypervisor_type="bhyve"), "prop-hypervisor_type"),
    "rng": (with_(hw_rng_model="other"), "prop-hw_rng_model"),
    "frequency": (with_(replace_frequency="often"), "prop-replace_frequency"),
    "until": (with_(provided_until="forever"), "prop-provided_until"),
    "validity": (with_(uuid_validity="last-x"), "prop-uuid_validity"),
    "hours": (with_(hotfix_hours="soon"), "prop-hotfix_hours"),
    "source": (with_(image_source="noble.img"), "prop-image_source"),
    "day": (with_(image_build_date="10.02.2026"), "prop-image_build_date"),
    "built-after-it-was-registered": (with_(image_build_date="2026-02-20"), "prop-image_build_date"),
    "built-tomorrow": (
        with_(but(created_at="2026-04-01T00:00:00Z"), image_build_date="2026-03-02"),
        "prop-image_build_date",
    ),
    "no-disk": (but(min_disk=0), "prop-min_disk"),
    "little-disk": (but(min_disk=1), "prop-min_disk"),
    "no-ram": (but(min_ram=0), "prop-min_ram"),
}


@pytest.mark.parametrize("case", MUSTS)
def test_a_must(case: str) -> None:
    subject, rule = MUSTS[case]
    for standard in ("scs-0102-v1", "scs-0102-v2"):
        assert (rule, "must", "Ubuntu 24.04") in said([subject], standard)


SHOULDS: dict[str, tuple[Subject, str]] = {
    "scsi-model": (with_(hw_scsi_model=None), "prop-hw_scsi_model"),
    "rng": (with_(hw_rng_model=None), "prop-hw_rng_model"),
    "hypervisor": (with_(hypervisor_type=None), "prop-hypervisor_type"),
    "ram": (but(min_ram=32), "prop-min_ram"),
    "digest": (but(hash_algorithm="md5"), "prop-hash_algo"),
    "tags": (but(tags=("managed_by_us",)), "tags"),
}


@pytest.mark.parametrize("case", SHOULDS)
def test_a_recommendation(case: str) -> None:
    subject, rule = SHOULDS[case]
    assert said([subject], "scs-0102-v1") == [(rule, "should", "Ubuntu 24.04")]


def test_versions_differ_about_the_purpose() -> None:
    assert said([with_(os_purpose=None)], "scs-0102-v1") == [("prop-os_purpose", "should", "Ubuntu 24.04")]
    assert said([with_(os_purpose=None)], "scs-0102-v2") == [("prop-os_purpose", "must", "Ubuntu 24.04")]
    assert said([with_(os_purpose="oldgeneric")], "scs-0102-v2") == []
    assert said([with_(os_purpose="oldgeneric")], "scs-0102-v1") == [("prop-os_purpose", "should", "Ubuntu 24.04")]


def test_recency() -> None:
    old = with_(but(created_at="2025-10-01T00:00:00Z"), image_build_date="2025-10-01", os_purpose="custom")
    late = [("image-recency", "must", "Ubuntu 24.04")]

    def named(name: str, **more: Any) -> Subject:
        return msgspec.structs.replace(old, name=name, **more)

    assert said([old], "scs-0102-v1") == late
    for promise in ("none", "notice", "2026-01-01"):
        assert said([with_(old, provided_until=promise)], "scs-0102-v1") == []
    for frequency in ("never", "critical_bug", "yearly"):
        assert said([with_(old, replace_frequency=frequency)], "scs-0102-v1") == []
    for name in ("Ubuntu 24.04 20251001", "Ubuntu 24.04 2025-10-01", "Ubuntu 24.04 old"):
        assert said([GOOD, named(name)], "scs-0102-v1") == [], "renamed, and a newer one is there"
        assert said([named(name)], "scs-0102-v1") == [("image-recency", "must", name)]
    ours = "Ubuntu 24.04 (20251001)"
    assert said([GOOD, named(ours)], "scs-0102-v1") == [("image-recency", "should", ours)]
    assert said([GOOD, named(ours, hidden=True)], "scs-0102-v1") == []
    just = with_(image_build_date="2026-01-27")  # 33 days, and 34.1 are allowed
    assert said([just], "scs-0102-v1") == []


def test_one_generic_image_of_a_kind() -> None:
    twin = msgspec.structs.replace(GOOD, name="Ubuntu 24.04 too")
    rule = "os_purpose-uniqueness"
    assert said([GOOD, twin], "scs-0102-v2") == [(rule, "must", "Ubuntu 24.04"), (rule, "must", "Ubuntu 24.04 too")]
    for other in (msgspec.structs.replace(twin, hidden=True), with_(twin, architecture="aarch64")):
        assert said([GOOD, other], "scs-0102-v2") == []


def node(**properties: str) -> Subject:
    base = {
        "os_purpose": "k8snode",
        "image_description": "https://github.com/osism/k8s-capi-images",
        "image_source": "https://nbg1.your-objectstorage.com/osism/openstack-k8s-capi-images/ubuntu-2204-kube-v1.33/x.qcow2",
    }
    return msgspec.structs.replace(GOOD, name="ubuntu-capi-image-v1.33.1", properties=base | properties)


def debian_image(release: str, codename: str) -> Subject:
    source = f"https://cloud.debian.org/images/cloud/{codename}/20260101-1/x.qcow2"
    found = with_(os_distro="debian", os_version=release, image_source=source)
    return msgspec.structs.replace(found, name=f"Debian {release}")


def ubuntu_image(release: str, codename: str) -> Subject:
    source = f"https://cloud-images.ubuntu.com/releases/{codename}/release/x.img"
    return msgspec.structs.replace(with_(os_version=release, image_source=source), name=f"Ubuntu {release}")


OFFER = [GOOD, ubuntu_image("22.04", "jammy"), debian_image("13", "trixie"), debian_image("12", "bookworm"), node()]


def test_standard_images() -> None:
    assert said(OFFER, "scs-0104-v2") == []
    assert said([GOOD, debian_image("12", "bookworm")], "scs-0104-v1") == [("image", "should", "ubuntu-capi-image")]
    assert ("image", "must", "Ubuntu 24.04") in said(OFFER[1:], "scs-0104-v1")
    assert ("image", "must", "Ubuntu 24.04") in said(OFFER[1:], "scs-0104-v2")
    assert ("image", "should", "Debian 13") in said([GOOD], "scs-0104-v2")
    hidden = msgspec.structs.replace(GOOD, hidden=True)
    assert ("image", "must", "Ubuntu 24.04") in said([hidden], "scs-0104-v1"), "nobody finds it"


@pytest.mark.parametrize(
    ("day", "wanted"),
    [
        ("2026-04-29", {"Ubuntu 24.04": "must", "Ubuntu 22.04": "should"}),
        ("2026-04-30", {"Ubuntu 26.04": "must", "Ubuntu 24.04": "should"}),
        ("2027-12-31", {"Ubuntu 26.04": "must", "Ubuntu 24.04": "should"}),
        ("2025-09-08", {"Debian 12": "should", "Debian 11": "should"}),
        ("2025-09-09", {"Debian 13": "should", "Debian 12": "should"}),
    ],
)
def test_which_releases_are_wanted_on_a_day(day: str, wanted: dict[str, str]) -> None:
    missing = said([], "scs-0104-v2", now=datetime.fromisoformat(f"{day}T12:00:00+00:00"))
    kind = next(iter(wanted)).partition(" ")[0]
    assert {image: level for _, level, image in missing if image.startswith(kind)} == wanted


def test_sources() -> None:
    elsewhere = with_(image_source="https://example.org/noble.img")
    for standard in ("scs-0104-v1", "scs-0104-v2"):
        assert ("source", "must", "Ubuntu 24.04") in said([elsewhere], standard)
        other_release = with_(image_source="https://cloud-images.ubuntu.com/jammy/20260101/x.img")
        assert ("source", "must", "Ubuntu 24.04") in said([other_release], standard)
    assert ("source", "must", "Ubuntu 24.04") not in said([with_(elsewhere, os_purpose="minimal")], "scs-0104-v2")
    rules = said([node(os_purpose="generic", image_source="https://example.org/")], "scs-0104-v2")
    assert [rule for rule, level, image in rules if image.startswith("ubuntu-capi")] == ["capi", "source"]


def test_files_and_a_cloud_are_judged_alike(desk: Desk) -> None:
    build = desk.build("20260201", build_date="2026-02-01")
    meta = {name: value for name, value in PROPERTIES.items() if not name.startswith("image_")}
    meta["replace_frequency"] = "never"  # the clock of this test is the real one
    wanted = definition("Ubuntu 24.04", [build], meta=meta, min_ram=512, min_disk=3)
    desk.write(wanted, definition("Private", [desk.build("1")], visibility="private"))
    words = ["--standard", "scs-0102-v2", "--standard", "scs-0104-v1", "--format", "json"]
    files = catalog(desk, "check", "images", *words)
    offline: Any = json.loads(files.stdout)
    assert offline["images"] == 1
    told = {(each["standard"], each["rule"], each["level"], each["image"]) for each in offline["findings"]}
    assert ("scs-0104-v1", "source", "must", "Ubuntu 24.04") in told, "it is from a server of this test"
    assert not any(standard == "scs-0102-v2" and level == "must" for standard, _, level, _ in told)
    assert files.returncode == 2
    desk.apply()
    live: Any = json.loads(catalog(desk, "check", "--live", *words).stdout)
    here = [each for each in live["findings"] if each["image"] == "Ubuntu 24.04"]
    found = {(each["standard"], each["rule"], each["level"], each["image"]) for each in here}
    assert {each for each in told if each[3] == "Ubuntu 24.04"} == found
    table = catalog(desk, "check", "images", "--standard", "scs-0102-v1", "--strict")
    assert (table.returncode, table.stdout) == (0, "")
    assert table.stderr == "1 images, 0 musts not met, 0 recommendations not met\n"
    (desk.files / "all.yml").write_text("images: 7\n")
    assert catalog(desk, "check", "images").returncode == 3


def test_what_is_retired_or_not_public_is_not_judged(desk: Desk) -> None:
    desk.write(
        definition("X", [desk.build(version) for version in "12345"]),
        definition("Y", [desk.build("1")], enable=False),
        definition("Z", [desk.build("1"), desk.build("2")], multi=False),
    )
    names = [each.name for each in of_definitions(catalogue.read(desk.files).definitions, "t")]
    assert names == ["X", "X (4)", "X (3)", "Z 2", "Z 1"]
