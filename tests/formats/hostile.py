"""Images that are refused at every door: what each is made to do, what it is declared to be, and the reason given.

The page docs/reference/hostile-images.md shows this table; the images are made by tests/starters/images.py.
"""

from collections.abc import Mapping

import msgspec

from intaglio.formats.base import FormatMismatch, UnsafeContent
from tests.house.tree import ROOT

UNSAFE, MISMATCH = UnsafeContent.code, FormatMismatch.code


class Hostile(msgspec.Struct, frozen=True):
    """One image. `code` is the error's, `said` a part of the reason that the image's owner reads."""

    declared: str
    trick: str
    code: str
    said: str


HOSTILE: Mapping[str, Hostile] = {
    "qcow2-backing-file": Hostile("qcow2", "its holes are filled from `/etc/passwd`", UNSAFE, "names a backing file"),
    "qcow2-data-file": Hostile("qcow2", "its data are in a file of the host", UNSAFE, "data in another file"),
    "qcow2-unknown-feature": Hostile("qcow2", "a feature that nobody knows", UNSAFE, "unknown features"),
    "qcow2-version-9": Hostile("qcow2", "a version that there is not", UNSAFE, "unknown features"),
    "vmdk-foreign-extent": Hostile("vmdk", "an extent of it is `/etc/passwd`", UNSAFE, "extents outside the image"),
    "vmdk-no-extent": Hostile("vmdk", "no extent at all", UNSAFE, "descriptor"),
    "vmdk-odd-line": Hostile("vmdk", "a line that tools may understand one day", UNSAFE, "descriptor"),
    "vmdk-other-type": Hostile("vmdk", "a type whose extents are files", UNSAFE, "unsupported type"),
    "vmdk-descriptor-elsewhere": Hostile("vmdk", "its descriptor where nobody looks", UNSAFE, "descriptor is missing"),
    "vmdk-bad-footer": Hostile("vmdk", "a footer that says other things than the header", UNSAFE, "footer"),
    "vmdk-footer-elsewhere": Hostile("vmdk", "another descriptor by its footer", UNSAFE, "footer"),
    "vmdk-truncated": Hostile("vmdk", "it ends before its descriptor does", UNSAFE, "ends before"),
    "vhdx-truncated": Hostile("vhdx", "it ends before its tables do", UNSAFE, "ends before"),
    "luks-version-2": Hostile("raw", "a version of LUKS that cannot be looked into", UNSAFE, "version"),
    "qed": Hostile("raw", "a format with backing files that is never accepted", UNSAFE, "never accepted"),
    "mbr-bad-flag": Hostile("raw", "a boot flag that no table has", UNSAFE, "partition table"),
    "mbr-no-partition": Hostile("raw", "a boot sector without a partition", UNSAFE, "partition table"),
    "gpt-extra-partition": Hostile("raw", "two partition tables that say different things", UNSAFE, "partition table"),
    "gpt-bad-start": Hostile("raw", "a protective partition that protects nothing", UNSAFE, "partition table"),
    "short": Hostile("vmdk", "40 bytes that begin as a VMDK does", UNSAFE, "ends before"),
    "iso-with-qcow2": Hostile("iso", "an ISO and a qcow2 at once", MISMATCH, "several disk formats"),
    "iso-with-vmdk": Hostile("iso", "an ISO and a VMDK at once", MISMATCH, "several disk formats"),
    "qcow2-with-mbr": Hostile("qcow2", "a qcow2 and a partitioned disk at once", MISMATCH, "several disk formats"),
    "qcow2": Hostile("vmdk", "it is not what it is declared to be", MISMATCH, "qcow2, not vmdk"),
    "vmdk-flat": Hostile("vmdk", "the data of a VMDK whose descriptor is another file", MISMATCH, "raw, not vmdk"),
    "vmdk-text-utf8": Hostile("vmdk", "a descriptor alone, with a letter that is not ASCII", MISMATCH, "raw, not vmdk"),
}
DOORS: Mapping[str, str] = {
    "upload": "`PUT /v2/images/{id}/file`",
    "glance-direct": "staged, then imported",
    "packed": "staged as gzip, unpacked by the import",
    "web-download": "fetched from a URL",
    "location": "left where it is, `POST /v2/images/{id}/locations`",
}

PAGE = ROOT / "docs" / "reference" / "hostile-images.md"
BEGIN, END = "<!-- written by tests/formats/hostile.py -->\n", "<!-- to here -->\n"


def page() -> str:
    """The page with the tables as the tests have them; `python -m tests.formats.hostile` writes it anew."""
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    rows = [f"| `{name}` | {each.declared} | {each.trick} | `{each.code}` |" for name, each in HOSTILE.items()]
    doors = [f"| {name} | {words} |" for name, words in DOORS.items()]
    tables = [
        "| image | declared as | which is | refused with |\n|---|---|---|---|",
        *rows,
        "\n| door | which is |\n|---|---|",
        *doors,
    ]
    return before + BEGIN + "\n".join(tables) + "\n" + END + rest.split(END)[1]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
