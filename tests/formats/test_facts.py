"""What images say of themselves: on those that qemu-img and sfdisk made, and on descriptors that lie."""

import pytest

from intaglio.formats.judge import Inspection, rule_set
from intaglio.formats.ovf import ovf_properties
from intaglio.formats.settings import FormatSettings
from tests.starters.images import image

SETTINGS = FormatSettings(disk_formats=(*FormatSettings().disk_formats, "gpt", "luks"))
CIM = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ProcessorAllocationSettingData"


def facts(data: bytes, declared: str, container: str = "bare") -> dict[str, str]:
    inspection = Inspection(SETTINGS, declared, container)
    inspection.feed(data)
    return dict(inspection.finish(len(data)).facts)


@pytest.mark.parametrize(
    ("name", "declared", "expected"),
    [
        ("vmdk-sparse", "vmdk", {"vmware_disktype": "sparse", "vmware_adaptertype": "ide"}),
        ("vmdk-stream", "vmdk", {"vmware_disktype": "streamOptimized", "vmware_adaptertype": "ide"}),
        ("gpt", "raw", {"detected_format": "raw", "partition_table": "gpt"}),
        ("mbr", "raw", {"detected_format": "raw", "partition_table": "mbr"}),
        ("luks", "luks", {"os_encrypt_format": "LUKSv1", "os_encrypt_cipher": "aes-xts-plain64"}),
        ("qcow2-luks", "qcow2", {"os_encrypt_format": "LUKSv1"}),
        ("qcow2", "qcow2", {}),
        ("qcow2", "raw", {"detected_format": "qcow2"}),
        ("vhdx", "vhdx", {}),
        ("random", "raw", {}),
        ("iso-plain", "iso", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_facts(name: str, declared: str, expected: dict[str, str]) -> None:
    assert facts(image(name).read_bytes(), declared) == {"detected_format": declared, **expected}


@pytest.mark.parametrize("adapter", ["lsilogic", "buslogic"])
def test_an_adapter_has_the_name_that_nova_knows(adapter: str) -> None:
    data = image("vmdk-sparse").read_bytes()
    line = b'ddb.adapterType = "ide"'
    assert line in data
    changed = data.replace(line + b" " * 6, b'ddb.adapterType = "' + adapter.encode() + b'"')
    if changed == data:  # no blanks to take: the descriptor is padded with zeros, which move
        end = data.index(b"\0", data.index(line))
        text = data[data.index(b"# Disk DescriptorFile") : end]
        longer = text.replace(line, b'ddb.adapterType = "' + adapter.encode() + b'"')
        start = data.index(text)
        changed = data[:start] + longer + data[start + len(longer) :]
    expected = {"lsilogic": "lsiLogic", "buslogic": "busLogic"}[adapter]
    assert facts(changed, "vmdk")["vmware_adaptertype"] == expected


def test_words_that_nobody_knows_are_not_taken_over() -> None:
    data = image("vmdk-sparse").read_bytes().replace(b'"ide"', b'"foo"')
    assert "vmware_adaptertype" not in facts(data, "vmdk")


def test_a_container_that_is_not_inspected_says_nothing() -> None:
    assert facts(image("qcow2").read_bytes(), "qcow2", "docker") == {}


def test_the_set_of_rules_has_a_name_that_changes_with_what_the_operator_chose() -> None:
    names = {
        rule_set(FormatSettings()),
        rule_set(FormatSettings(require_image_format_match=False)),
        rule_set(FormatSettings(gpt_safety_checks_nonfatal=("mbr",))),
    }
    assert len(names) == 3
    assert rule_set(FormatSettings()) == rule_set(FormatSettings())


def ovf(inside: str, before: str = "") -> bytes:
    return f'<?xml version="1.0"?>{before}<Envelope xmlns:p="{CIM}"><Item>{inside}</Item></Envelope>'.encode()


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (ovf("<p:InstructionSet> DMTF:x86:64 </p:InstructionSet>"), {"cim_pasd_InstructionSet": "DMTF:x86:64"}),
        (ovf("<p:Other>x</p:Other>"), {}),
        (ovf("<InstructionSet>x</InstructionSet>"), {}),
        (ovf("<p:InstructionSet/>"), {"cim_pasd_InstructionSet": ""}),
        (ovf(f"<p:InstructionSet>{'x' * 9000}</p:InstructionSet>"), {"cim_pasd_InstructionSet": "x" * 255}),
        (ovf("<p:InstructionSet>&e;</p:InstructionSet>", '<!DOCTYPE Envelope [<!ENTITY e "y">]>'), {}),
        (
            ovf("<p:InstructionSet>x</p:InstructionSet>", '<!DOCTYPE Envelope SYSTEM "file:///etc/passwd">'),
            {},
        ),
        (ovf("<p:InstructionSet>x"), {}),
        (b"no xml", {}),
        (b"", {}),
    ],
    ids=["wanted", "not-listed", "no-namespace", "empty", "long", "entities", "elsewhere", "cut", "text", "nothing"],
)
def test_ovf(document: bytes, expected: dict[str, str]) -> None:
    assert ovf_properties(document, ["InstructionSet"]) == expected
