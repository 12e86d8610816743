"""libosinfo's real database, as Debian packages it: what is known, what is checked, what is suggested."""

from pathlib import Path

import pytest

from intaglio.domain.osinfo import OsCatalogue
from intaglio.services.osinfo import OsinfoDatabase, read
from tests.starters.base import debian

pytestmark = pytest.mark.real
DATABASE = Path("/usr/share/osinfo")


@pytest.fixture(scope="module")
def systems() -> OsCatalogue:
    debian(["osinfo-db"], "libosinfo's database", provides=[str(DATABASE / "os")])
    return read((DATABASE,))


def test_it_is_read_whole(systems: OsCatalogue) -> None:
    assert len(systems) > 500


@pytest.mark.parametrize(
    "properties",
    [
        {"os_distro": "debian", "os_version": "11"},
        {"os_distro": "debian11", "os_name": "Debian 11"},
        {"os_distro": "http://debian.org/debian/11"},
        {"os_distro": "ubuntu", "os_version": "22.04", "os_name": "Ubuntu 22.04 LTS"},
        {"os_distro": "rhel"},
        {"os_version": "of nothing known"},
        {},
    ],
    ids=str,
)
def test_right(systems: OsCatalogue, properties: dict[str, str]) -> None:
    assert systems.check(properties) == ()


@pytest.mark.parametrize(
    ("properties", "severity", "said"),
    [
        ({"os_distro": "debain"}, "error", "such as debian"),
        ({"os_distro": "Ubuntu"}, "error", "such as ubuntu"),
        ({"os_distro": "debian", "os_version": "11.7"}, "warning", "11, 10, 9"),
        ({"os_distro": "debian11", "os_version": "12"}, "warning", "the versions 11"),
        ({"os_distro": "debian", "os_version": "11", "os_name": "Debain"}, "warning", "'Debian 11'"),
    ],
    ids=str,
)
def test_wrong(systems: OsCatalogue, properties: dict[str, str], severity: str, said: str) -> None:
    (finding,) = systems.check(properties)
    assert finding.severity.value == severity
    assert said in finding.allowed


def suggested(systems: OsCatalogue, **properties: str) -> dict[str, str]:
    return {each.name: each.value for each in systems.suggest(properties) if each.certain}


def test_hardware_is_inherited_from_older_releases(systems: OsCatalogue) -> None:
    found = suggested(systems, os_distro="ubuntu", os_version="22.04")
    assert found.items() >= {"hw_disk_bus": "virtio", "hw_vif_model": "virtio", "hw_rng_model": "virtio"}.items()
    assert "hw_video_model" not in found  # it takes back the virtio card that an older one had
    assert (int(found["min_ram"]), int(found["min_disk"])) == (4096, 25)


def test_old_systems_get_old_hardware(systems: OsCatalogue) -> None:
    assert suggested(systems, os_distro="winxp")["hw_vif_model"] == "e1000"
    assert "hw_disk_bus" not in suggested(systems, os_distro="win10")  # libosinfo records no virtio driver in it


def test_uefi_is_certain_only_where_there_is_nothing_else(systems: OsCatalogue) -> None:
    def firmware(**properties: str) -> list[tuple[str, bool]]:
        return [(s.value, s.certain) for s in systems.suggest(properties) if s.name == "hw_firmware_type"]

    assert firmware(os_distro="debian", os_version="11") == [("uefi", False)]
    assert firmware(os_distro="win11") == [("uefi", True)]


def test_nothing_is_suggested_for_what_is_not_known(systems: OsCatalogue) -> None:
    assert systems.suggest({"os_distro": "debian"}) == ()
    assert systems.suggest({"os_distro": "nothing"}) == ()


@pytest.mark.anyio
async def test_without_the_database(tmp_path: Path) -> None:
    assert await OsinfoDatabase((tmp_path, tmp_path / "absent")).get() is None
    assert await OsinfoDatabase(()).get() is None


@pytest.mark.anyio
async def test_a_file_that_is_no_xml_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "os" / "x").mkdir(parents=True)
    (tmp_path / "os" / "x" / "bad.xml").write_text("<libosinfo><os")
    (tmp_path / "os" / "x" / "good.xml").write_text(
        '<libosinfo><os id="http://x/1"><short-id>x1</short-id><distro>x</distro></os></libosinfo>'
    )
    found = await OsinfoDatabase((tmp_path,)).get()
    assert found is not None
    assert len(found) == 1
