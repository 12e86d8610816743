"""`intaglio catalog update`: the newest build of each upstream, also where they are half published; and tidy edits."""

import difflib
import hashlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from intaglio.cli.main import run
from intaglio.manager.update import Updated, update
from intaglio.manager.upstream.web import Web
from tests.manager import trees
from tests.manager.upstream import Upstream, upstream

EL = "GenericCloud"


@pytest.fixture
def tree() -> Iterator[Upstream]:
    with upstream() as running:
        yield running


def write(directory: Path, hint: str, distro: str, version: str = "20250101", more: str = "") -> Path:
    path = directory / "images.yml"
    path.write_text(
        f"""---
# What we offer.
images:
  - name: "{distro.title()}"   # as people know it
    format: qcow2
    login: root
    multi: true
    latest_url: {hint}
    meta:
      os_distro: {distro}
      os_version: '13'
      replace_frequency: monthly
    versions:
      - version: '{version}'
        url: https://example.org/{version}/disk.qcow2
        checksum: "sha256:{"0" * 64}"
        build_date: 2025-01-01  # by hand
{more}
  # The next one is small.
  - name: Tiny
    format: raw
    login: tiny
    versions: []
"""
    )
    return path


def updated(path: Path, *, builds: int | None = None, dry: bool = False) -> Updated:
    found = list(update(path, Web(lambda _: None), only=re.compile(""), builds=builds, dry=dry))
    assert [each.definition for each in found][1:] == ["Tiny"]
    assert found[1].result == "unknown"
    return found[0]


CASES: dict[str, tuple[str, Callable[[Upstream], str], str, str]] = {
    "debian": (
        "debian",
        lambda tree: trees.debian(tree, ["20251231-999", "20260115-2360", "20260115-998"]),
        "20260115-2360",
        "/cloud/trixie/20260115-2360/debian-13-genericcloud-amd64-20260115-2360.qcow2",
    ),
    "ubuntu": (
        "ubuntu",
        lambda tree: trees.ubuntu(tree, ["20260108", "20260115", "20260115.1"]),
        "20260115.1",
        "/noble/20260115.1/noble-server-cloudimg-amd64.img",
    ),
    "ubuntu-minimal": (
        "ubuntu",
        lambda tree: trees.ubuntu(tree, ["20260115"], "release-", "/minimal/releases/noble"),
        "20260115",
        "/minimal/releases/noble/release-20260115/noble-server-cloudimg-amd64.img",
    ),
    "almalinux": (
        "almalinux",
        lambda tree: trees.enterprise(
            tree,
            "/9/cloud/x86_64/images",
            "AlmaLinux-9-GenericCloud-latest.x86_64.qcow2",
            [f"AlmaLinux-9-{EL}-{build}.x86_64.qcow2" for build in ("9.7-20251201", "9.10-20260115")],
            "{digest}  {name}\n",
        ),
        "9.10-20260115",
        f"/9/cloud/x86_64/images/AlmaLinux-9-{EL}-9.10-20260115.x86_64.qcow2",
    ),
    "rocky": (
        "rocky",
        lambda tree: trees.enterprise(
            tree,
            "/pub/rocky/9/images/x86_64",
            "Rocky-9-GenericCloud.latest.x86_64.qcow2",
            [f"Rocky-9-{EL}-{build}.x86_64.qcow2" for build in ("LVM-9.7-20260201.0", "Base-9.7-20260115.0")],
            trees.BSD,
        ),
        "9.7-20260115.0",
        f"/pub/rocky/9/images/x86_64/Rocky-9-{EL}-Base-9.7-20260115.0.x86_64.qcow2",
    ),
    "centos": (
        "centos",
        lambda tree: trees.enterprise(
            tree,
            "/10-stream/x86_64/images",
            "CentOS-Stream-GenericCloud-10-latest.x86_64.qcow2",
            [f"CentOS-Stream-{EL}-10-{build}.x86_64.qcow2" for build in ("20260108.0", "20260115.0", "20260115.1")],
            trees.BSD,
        ),
        "20260115.1",
        f"/10-stream/x86_64/images/CentOS-Stream-{EL}-10-20260115.1.x86_64.qcow2",
    ),
    "fedora": (
        "fedora",
        lambda tree: trees.fedora(
            tree,
            [
                ("13", "x86_64", "13-1.4"),
                ("13", "x86_64", "13-1.10"),
                ("13", "aarch64", "13-1.11"),
                ("44 Beta", "x86_64", "44-0.1"),
            ],
        ),
        "13-1.10",
        "/pub/fedora/linux/releases/13/Cloud/x86_64/images/Fedora-Cloud-Base-Generic-13-1.10.x86_64.qcow2",
    ),
    "flatcar": (
        "flatcar",
        lambda tree: trees.flatcar(tree, "4459.2.3"),
        "4459.2.3",
        "/amd64-usr/4459.2.3/flatcar_production_openstack_image.img",
    ),
    "alpine": (
        "alpinelinux",
        lambda tree: trees.beside(
            tree,
            "/alpine/v3.22/releases/cloud",
            [
                f"generic_alpine-{each}.qcow2"
                for each in (
                    "3.22.9-x86_64-bios-cloudinit-r0",
                    "3.22.10-x86_64-bios-cloudinit-r1",
                    "3.22.11-aarch64-uefi-cloudinit-r0",
                )
            ],
            ".sha512",
            "sha512",
        ),
        "3.22.10-x86_64-bios-cloudinit-r1",
        "/alpine/v3.22/releases/cloud/generic_alpine-3.22.10-x86_64-bios-cloudinit-r1.qcow2",
    ),
    "opensuse": (
        "opensuse",
        lambda tree: trees.beside(
            tree,
            "/leap/16.0/appliances",
            [
                "Leap-16.0-Minimal-VM.x86_64-Cloud.qcow2",
                "Leap-16.0-Minimal-VM.x86_64-16.0.0-Cloud-Build14.9.qcow2",
                "Leap-16.0-Minimal-VM.x86_64-16.0.0-Cloud-Build14.10.qcow2",
            ],
            ".sha256",
            "sha256",
        ),
        "16.0.0-Cloud-Build14.10",
        "/leap/16.0/appliances/Leap-16.0-Minimal-VM.x86_64-16.0.0-Cloud-Build14.10.qcow2",
    ),
    "opensuse-pointer": (
        "opensuse",
        lambda tree: trees.beside(tree, "/leap", ["Leap-16.0-Minimal-VM.x86_64-Cloud.qcow2"], ".sha256", "sha256"),
        "20260121",
        "/leap/Leap-16.0-Minimal-VM.x86_64-Cloud.qcow2",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_newest_build(case: str, tree: Upstream, tmp_path: Path) -> None:
    distro, plant, version, place = CASES[case]
    path = write(tmp_path, plant(tree), distro, "0")
    found = updated(path)
    assert (found.result, found.version, found.url) == ("new", version, tree.url + place), found.message
    algorithm, _, digest = found.digest.partition(":")
    assert digest == hashlib.new(algorithm, tree.things[place].body).hexdigest()
    assert f"url: {tree.url}{place}\n" in path.read_text()
    assert "build_date: 2026-01-" in path.read_text()
    assert updated(path).result == "current"


def test_what_a_person_wrote_stays(tree: Upstream, tmp_path: Path) -> None:
    path = write(tmp_path, trees.debian(tree, ["20260115-2360"]), "debian")
    before = path.read_text().splitlines()
    assert updated(path, dry=True).result == "new"
    assert path.read_text().splitlines() == before
    assert updated(path).dropped == ("20250101",)
    after = path.read_text().splitlines()
    changed = [line[1:].strip() for line in difflib.ndiff(before, after) if line[0] == "+"]
    assert [line.partition(":")[0].lstrip("- ") for line in changed] == ["version", "url", "checksum", "build_date"]
    assert changed[0] == "- version: '20260115-2360'"
    assert changed[2].startswith('checksum: "sha512:')
    assert changed[3].endswith("# by hand")


def test_builds_are_kept_beside_each_other(tree: Upstream, tmp_path: Path) -> None:
    """The next definition's comment stays in front of it, wherever a version comes or goes."""
    hint = trees.debian(tree, ["20260108-1"])
    path = write(tmp_path, hint, "debian")
    for build, dropped in (("20260108-1", ()), ("20260115-2", ()), ("20260122-3", ("20250101",))):
        trees.debian(tree, [build])
        assert updated(path, builds=3).dropped == dropped
    text = path.read_text()
    assert re.findall(r"- version: '?([\d-]+)'?\n", text) == ["20260108-1", "20260115-2", "20260122-3"]
    assert re.search(r"build_date: 2026-01-22\n\n  # The next one is small.\n  - name: Tiny\n", text), text
    assert text.startswith("---\n# What we offer.\nimages:\n")


def test_a_list_that_begins_with_the_newest(tree: Upstream, tmp_path: Path) -> None:
    older = "      - version: '20240101'\n        url: https://example.org/20240101/disk.qcow2\n"
    path = write(tmp_path, trees.debian(tree, ["20260115-2"]), "debian", more=older)
    assert updated(path).dropped == ("20240101",)
    assert re.findall(r"- version: '?([\d-]+)'?\n", path.read_text()) == ["20260115-2", "20250101"]
    assert "\n\n  # The next one is small.\n  - name: Tiny\n" in path.read_text()


BROKEN: dict[str, tuple[Callable[[Upstream], object], str]] = {
    "half-published-no-sums": (lambda tree: tree.things.pop("/cloud/trixie/20260122-3/SHA512SUMS"), "20260115-2"),
    "half-published-no-file": (
        lambda tree: tree.things.pop("/cloud/trixie/20260122-3/debian-13-genericcloud-amd64-20260122-3.qcow2"),
        "20260115-2",
    ),
    "sums-of-other-files": (lambda tree: tree.put("/cloud/trixie/20260122-3/SHA512SUMS", b"0  x\n"), "20260115-2"),
    "busy": (lambda tree: setattr(tree.things["/cloud/trixie/"], "busy", 2), "20260122-3"),
    "redirected": (
        lambda tree: tree.put("/cloud/trixie/20260122-3/SHA512SUMS", b"", status=302, location="/moved"),
        "20260115-2",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_build_that_is_not_whole_is_passed_over(case: str, tree: Upstream, tmp_path: Path) -> None:
    hint = trees.debian(tree, ["20260115-2", "20260122-3"])
    spoil, version = BROKEN[case]
    spoil(tree)
    assert updated(write(tmp_path, hint, "debian")).version == version


@pytest.mark.parametrize(
    ("distro", "hint", "said"),
    [
        ("debian", "/nowhere/latest/d.qcow2", "/nowhere/ is not there"),
        ("almalinux", "/9/AlmaLinux-9-GenericCloud-latest.x86_64.qcow2", "the list of sums is not there"),
        ("almalinux", "/9/something.qcow2", "not of a form"),
        ("alpinelinux", "/alpine/disk.qcow2", "has no name like"),
        ("fedora", "/page", "no list of releases"),
        ("flatcar", "/amd64-usr/current/f.img", "says no version"),
        ("ubuntu", "/page/current/u.img", "no complete build"),
        ("windows", "/page", "its upstream is none of"),
    ],
    ids=["no-index", "no-sums", "odd-name", "odd-alpine", "no-json", "no-version", "no-builds", "not-known"],
)
def test_what_is_not_found_is_said_and_changes_nothing(
    distro: str, hint: str, said: str, tree: Upstream, tmp_path: Path
) -> None:
    trees.page(tree, "/page", "a", "b")
    trees.page(tree, "/page/", "a", "b")
    path = write(tmp_path, tree.url + hint, distro)
    before = path.read_text()
    found = updated(path)
    assert found.result == ("unknown" if distro == "windows" else "failed")
    assert said in found.message
    assert path.read_text() == before


def test_an_upstream_that_goes_back_does_not_take_the_catalogue_with_it(tree: Upstream, tmp_path: Path) -> None:
    path = write(tmp_path, trees.debian(tree, ["20240101-1"]), "debian")
    found = updated(path)
    assert (found.result, found.version) == ("current", "20250101")
    assert "which is older" in found.message


def test_a_pointer_that_moves_changes_the_digest(tree: Upstream, tmp_path: Path) -> None:
    name = "Leap-16.0-Minimal-VM.x86_64-Cloud.qcow2"
    path = write(tmp_path, trees.beside(tree, "/leap", [name], ".sha256", "sha256"), "opensuse", "0")
    first = updated(path)
    tree.put(f"/leap/{name}", b"built again on the same day")
    trees.sums(tree, f"/leap/{name}.sha256", f"/leap/{name}", form=trees.PLAIN)
    again = updated(path)
    assert (again.result, again.version) == ("changed", first.version)
    assert again.digest != first.digest
    assert again.digest in path.read_text()


def test_a_mirror_goes_along_or_goes(tree: Upstream, tmp_path: Path) -> None:
    path = write(tmp_path, trees.ubuntu(tree, ["20260115"]), "ubuntu")
    for mirror, expected in (
        (
            "https://mirror.example.org/ubuntu/20250101/x.img",
            "mirror_url: https://mirror.example.org/ubuntu/20260115/x.img",
        ),
        ("https://mirror.example.org/ubuntu/current.img", None),
    ):
        path = write(tmp_path, f"{tree.url}/noble/current/noble-server-cloudimg-amd64.img", "ubuntu")
        path.write_text(
            path.read_text().replace("        checksum:", f"        mirror_url: {mirror}\n        checksum:")
        )
        updated(path)
        assert (expected or "mirror_url") in path.read_text() or expected is None
        assert ("mirror_url" in path.read_text()) is (expected is not None)


def test_the_command(tree: Upstream, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, trees.debian(tree, ["20260115-2"]), "debian")

    def ran(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            run(["catalog", "update", str(path), *words])
        return int(ended.value.code or 0), "".join(capsys.readouterr())

    assert ran("--dry-run", "--filter", "Debian") == (2, "new      Debian 20260115-2, instead of 20250101\n")
    code, out = ran("--filter", "Debian", "--format", "json")
    assert (code, '"result": "new"' in out) == (0, True)
    assert ran("--filter", "Debian", "--dry-run") == (0, "current  Debian 20260115-2\n")
    assert ran("--filter", "(")[0] == 2
    assert ran("--builds", "0")[0] == 2
    path.write_text("images: 7\n")
    assert ran()[0] == 3
