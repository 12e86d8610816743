"""What is accepted for which declared format and what comes of it: the contract's rules on real and hostile images."""

import pytest

from intaglio.formats.base import FormatMismatch, UnsafeContent, Verdict
from intaglio.formats.judge import Inspection
from intaglio.formats.settings import FormatSettings
from tests.formats.hostile import HOSTILE
from tests.starters.images import DISK_SIZE, image

STRICT = FormatSettings(disk_formats=(*FormatSettings().disk_formats, "gpt", "luks"))
LENIENT = FormatSettings(require_image_format_match=False)
MISMATCH, UNSAFE = FormatMismatch, UnsafeContent


def judged(data: bytes, declared: str, settings: FormatSettings = STRICT, container: str = "bare") -> Verdict:
    inspection = Inspection(settings, declared, container)
    inspection.feed(data)
    return inspection.finish(len(data))


def told(verdict: Verdict) -> tuple[str | None, int | None]:
    """What is found in either way of cutting; what the content says of itself is tested by itself."""
    return verdict.detected, verdict.virtual_size


@pytest.mark.parametrize(
    ("name", "declared", "virtual_size"),
    [
        ("qcow2", "qcow2", DISK_SIZE),
        ("qcow2-v2", "qcow2", DISK_SIZE),
        ("qcow2-compressed", "qcow2", DISK_SIZE),
        ("vmdk-sparse", "vmdk", DISK_SIZE),
        ("vmdk-stream", "vmdk", DISK_SIZE),
        ("vmdk-with-footer", "vmdk", DISK_SIZE),
        ("vdi", "vdi", DISK_SIZE),
        ("vhdx", "vhdx", DISK_SIZE),
        ("vhd-dynamic", "vhd", 4_212_736),  # rounded up by qemu-img to whole cylinders
        ("gpt", "gpt", DISK_SIZE),
        ("mbr", "gpt", DISK_SIZE),
    ],
)
def test_matches(name: str, declared: str, virtual_size: int) -> None:
    assert told(judged(image(name).read_bytes(), declared)) == (declared, virtual_size)


@pytest.mark.parametrize("name", ["iso-hybrid", "iso-plain"])
def test_iso_with_a_boot_sector_is_an_iso(name: str) -> None:
    verdict = judged(image(name).read_bytes(), "iso")
    assert verdict.detected == "iso"
    assert verdict.virtual_size


@pytest.mark.parametrize(
    ("name", "detected"),
    [
        ("raw", "raw"),
        ("zeros", "raw"),
        ("random", "raw"),
        ("text", "raw"),
        ("text-utf8", "raw"),
        ("script-with-payload", "raw"),
        ("one-byte", "raw"),
        ("sector-less-one", "raw"),
        ("fat", "raw"),
        ("parallels", "raw"),
        ("vhd-fixed", "raw"),
        ("qcow2-truncated", "raw"),
        ("vdi-truncated", "raw"),
        ("gpt", "gpt"),
        ("mbr", "gpt"),
        ("qcow2", "qcow2"),
        ("vmdk-stream", "vmdk"),
        ("vdi", "vdi"),
        ("vhd-dynamic", "vhd"),
        ("vhdx", "vhdx"),
        ("luks", "luks"),
        ("iso-hybrid", "iso"),
    ],
)
def test_raw_takes_what_is_safe_and_its_virtual_size_is_its_bytes(name: str, detected: str) -> None:
    data = image(name).read_bytes()
    assert told(judged(data, "raw")) == (detected, len(data))


@pytest.mark.parametrize("name", [name for name, hostile in HOSTILE.items() if hostile.code == UnsafeContent.code])
@pytest.mark.parametrize("settings", [STRICT, LENIENT], ids=["strict", "lenient"])
def test_unsafe_whatever_is_declared(name: str, settings: FormatSettings) -> None:
    data = image(name).read_bytes()
    own = {"vhdx": "vhdx", "qcow2": "qcow2", "vmdk": "vmdk", "luks": "luks", "mbr": "gpt", "gpt": "gpt"}
    for declared in ("raw", own.get(name.split("-", maxsplit=1)[0], "raw")):
        with pytest.raises(UNSAFE):
            judged(data, declared, settings)


@pytest.mark.parametrize("name", ["iso-with-qcow2", "iso-with-vmdk", "qcow2-with-mbr"])
@pytest.mark.parametrize("declared", ["raw", "iso", "qcow2", "vmdk", "ami"])
def test_several_formats_at_once_are_refused(name: str, declared: str) -> None:
    with pytest.raises(MISMATCH, match="several"):
        judged(image(name).read_bytes(), declared)


@pytest.mark.parametrize(
    ("name", "declared"),
    [
        ("raw", "qcow2"),
        ("empty", "qcow2"),
        ("zeros", "iso"),
        ("qcow2", "vmdk"),
        ("vhd-fixed", "vhd"),
        ("qcow2-truncated", "qcow2"),
        ("vmdk-flat", "vmdk"),
        ("text-utf8", "qcow2"),  # Glance 33 takes these two as anything
        ("vmdk-text-utf8", "vmdk"),
        ("gpt", "qcow2"),
        ("iso-hybrid", "gpt"),
    ],
)
def test_mismatch(name: str, declared: str) -> None:
    with pytest.raises(MISMATCH):
        judged(image(name).read_bytes(), declared)
    verdict = judged(image(name).read_bytes(), declared, LENIENT)
    assert verdict.virtual_size is None


@pytest.mark.parametrize("declared", ["ami", "ari", "aki", "ploop"])
def test_without_a_detector_only_nothing_specific_is_accepted(declared: str) -> None:
    assert told(judged(image("random").read_bytes(), declared)) == ("raw", None)
    assert told(judged(image("mbr").read_bytes(), declared)) == ("gpt", None)
    with pytest.raises(MISMATCH):
        judged(image("qcow2").read_bytes(), declared)


@pytest.mark.parametrize("declared", ["aki", "ari"])
def test_a_kernel_may_imitate_a_boot_sector(declared: str) -> None:
    assert told(judged(image("mbr-no-partition").read_bytes(), declared)) == ("gpt", None)
    with pytest.raises(UNSAFE):
        judged(image("mbr-no-partition").read_bytes(), "ami")


def test_named_partition_table_checks_only_warn() -> None:
    tolerant = FormatSettings(gpt_safety_checks_nonfatal=("mbr",))
    data = image("gpt-extra-partition").read_bytes()
    assert told(judged(data, "raw", tolerant)) == ("gpt", len(data))
    with pytest.raises(UNSAFE):
        judged(
            image("qcow2-backing-file").read_bytes(),
            "raw",
            FormatSettings(gpt_safety_checks_nonfatal=("backing_file",)),
        )


@pytest.mark.parametrize("container", ["ami", "ovf", "ova", "docker", "compressed"])
def test_only_bare_containers_are_inspected(container: str) -> None:
    inspection = Inspection(STRICT, "qcow2", container)
    assert not inspection.wants_more
    inspection.feed(image("vmdk-foreign-extent").read_bytes())
    assert inspection.finish(1) == Verdict(None, None)


def test_nothing_at_all_is_raw() -> None:
    assert told(judged(b"", "raw")) == ("raw", None)


def test_a_disk_size_that_no_database_holds_is_refused() -> None:
    data = bytearray(image("qcow2").read_bytes())
    data[24:32] = b"\xff" * 8
    with pytest.raises(UNSAFE, match="damaged"):
        judged(bytes(data), "qcow2")


@pytest.mark.parametrize(
    ("name", "declared", "at_most"),
    [
        ("raw", "qcow2", 65_536),
        ("qcow2-backing-file", "qcow2", 65_536),
        ("iso-with-vmdk", "iso", 65_536),
        ("gpt-bad-start", "raw", 65_536),
    ],
)
def test_refused_as_soon_as_it_is_certain(name: str, declared: str, at_most: int) -> None:
    data = image(name).read_bytes()
    inspection = Inspection(STRICT, declared, "bare")
    inspection.feed(data[: at_most - 1])
    with pytest.raises((MISMATCH, UNSAFE)):
        inspection.feed(data[at_most - 1 : at_most])


@pytest.mark.parametrize(
    ("name", "at_most"),
    [("raw", 65_536), ("qcow2", 65_536), ("iso-hybrid", 65_536), ("vmdk-stream", 65_536), ("vhdx", 4 << 20)],
)
def test_no_more_is_looked_at_than_needed(name: str, at_most: int) -> None:
    inspection = Inspection(STRICT, "raw", "bare")
    inspection.feed(image(name).read_bytes()[:at_most])
    assert not inspection.wants_more
