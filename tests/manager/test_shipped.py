"""The definitions that come with the package, and those of the original program, both as they are."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from intaglio.cli.main import run
from intaglio.manager import catalogue, lockfile, shipped
from intaglio.manager.discovery.upstreams import upstream_of
from intaglio.manager.scs.report import findings
from intaglio.manager.scs.subject import of_definitions
from tests.starters.environments import environment

UPSTREAMS = {"alpine", "almalinux", "centos", "cirros", "debian", "fedora", "flatcar", "opensuse", "rocky", "ubuntu"}


def ran(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    try:
        code = run(["catalog", *words])
    except SystemExit as ended:
        code = int(ended.code or 0)
    return code, "".join(capsys.readouterr())


def test_they_are_without_a_fault_and_meet_the_standards() -> None:
    found = catalogue.read(Path("shipped"))
    assert [str(problem) for problem in found.problems] == []
    subjects = of_definitions(found.definitions, "managed_by_us")
    wrong = findings(subjects, ("scs-0102-v1", "scs-0102-v2", "scs-0104-v2"), datetime.now(UTC))
    assert [each for each in wrong if each.level == "must" and each.rule != "image-recency"] == []
    for definition in found.definitions:
        for version in definition.versions:
            assert version.url.startswith("https://"), version
            assert version.checksum or version.needs_asking, "nothing comes in unverified"


@pytest.mark.parametrize("name", sorted(UPSTREAMS))
def test_each_upstream_has_a_file_that_update_knows(name: str) -> None:
    assert set(shipped.names()) == UPSTREAMS
    found = catalogue.read(Path(f"shipped:{name}")).definitions
    assert found
    words = {str(each.meta.get("os_distro")) for each in found}
    assert name == "cirros" or all(upstream_of(word) is not None for word in words)


def test_they_are_used_by_name_and_changed_as_a_copy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran(capsys, "validate", "shipped:debian") == (
        0,
        "4 definitions, 2 enabled, 4 versions, 0 errors, 0 warnings\n",
    )
    code, said = ran(capsys, "validate", "shipped:gentoo")
    assert (code, "there are almalinux, alpine" in said) == (1, True)
    assert ran(capsys, "update", "shipped:cirros")[0] == 1
    code, said = ran(capsys, "lock", "shipped")
    assert (code, "--copy images" in said) == (1, True)
    with pytest.raises(shipped.ShippedReadOnly):
        lockfile.beside(Path("shipped"))
    images = tmp_path / "images"
    assert ran(capsys, "shipped", "debian", "ubuntu", "--copy", str(images))[0] == 0
    assert [path.name for path in sorted(images.iterdir())] == ["debian.yml", "ubuntu.yml"]
    assert (images / "debian.yml").read_bytes() == (shipped.DIRECTORY / "debian.yml").read_bytes()
    with pytest.raises(shipped.CopyExists):
        shipped.copy([], images)
    assert not (images / "alpine.yml").exists(), "all or nothing"
    rows: Any = json.loads(ran(capsys, "shipped", "--format", "json")[1])
    assert {row["file"] for row in rows} == UPSTREAMS


@pytest.mark.real
def test_the_originals_definitions_are_accepted_as_they_are() -> None:
    site = environment("image-manager").parent
    [directory] = site.glob("lib/python*/site-packages/openstack_image_manager/etc/images")
    found = catalogue.read(directory)
    assert [str(problem) for problem in found.problems] == []
    counts = catalogue.summary(found)
    assert (counts["definitions"], counts["versions"]) >= (30, 40)
    listed = sum(len(re.findall(r"^  - name:", path.read_text(), re.MULTILINE)) for path in directory.iterdir())
    assert counts["definitions"] == listed, "not one was passed over"
