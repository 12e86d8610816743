"""What content that was accepted says of itself, under the names of image properties that hypervisors read.

VMDK: `vmware_disktype` and `vmware_adaptertype` with the values of Nova's VMware driver. LUKS, alone or inside qcow2:
`os_encrypt_format`, `os_encrypt_cipher`. A raw disk with a partition table: `partition_table`. All: `detected_format`.
"""

import re
import struct
from collections.abc import Iterable, Mapping

from intaglio.formats.detect import Match

_DISK_TYPES = {"streamoptimized": "streamOptimized", "monolithicsparse": "sparse"}
_ADAPTERS = {
    "ide": "ide",
    "buslogic": "busLogic",
    "lsilogic": "lsiLogic",
    "lsisas1068": "lsiLogicsas",
    "pvscsi": "paraVirtual",
}
_CREATE_TYPE = re.compile(r'^\s*createtype\s*=\s*"([a-z0-9]{1,60})"', re.MULTILINE)
_ADAPTER_TYPE = re.compile(r'^\s*ddb\.adaptertype\s*=\s*"([a-z0-9]{1,60})"', re.MULTILINE)

_MBR_ENTRIES, _MBR_ENTRY, _MBR_TYPE = 446, 16, 4
_PROTECTIVE = 0xEE  # the type of the one MBR entry in front of a GPT (UEFI 2.10, 5.2.3)
_QCOW2_CRYPT_METHOD = 32
_QCOW2_LUKS = 2
_LUKS_CIPHER = struct.Struct(">8x32s32s")


def facts(matches: Iterable[Match]) -> Mapping[str, str]:
    """The properties that the content's own formats come to; nothing in it is taken over but words that are known."""
    found: dict[str, str] = {}
    names = []
    for match in matches:
        if match.name != "gpt":  # a partition table is no disk format
            names.append(match.name)
        found |= _ASKED[match.name](match) if match.name in _ASKED else {}
    return {"detected_format": "+".join(sorted(names)) or "raw", **found}


def _of_vmdk(match: Match) -> dict[str, str]:
    text = match.descriptor
    found = {}
    if (kind := _CREATE_TYPE.search(text)) is not None and kind[1] in _DISK_TYPES:
        found["vmware_disktype"] = _DISK_TYPES[kind[1]]
    if (adapter := _ADAPTER_TYPE.search(text)) is not None and adapter[1] in _ADAPTERS:
        found["vmware_adaptertype"] = _ADAPTERS[adapter[1]]
    return found


def _of_boot_sector(match: Match) -> dict[str, str]:
    sector = match.region("mbr")
    types = [sector[_MBR_ENTRIES + _MBR_ENTRY * number + _MBR_TYPE] for number in range(4)]
    if not any(types):
        return {}
    return {"partition_table": "gpt" if _PROTECTIVE in types else "mbr"}


def _of_luks(match: Match) -> dict[str, str]:
    cipher, mode = (
        word.rstrip(b"\0").decode("ascii", "replace") for word in _LUKS_CIPHER.unpack_from(match.region("header"))
    )
    found = {"os_encrypt_format": "LUKSv1"}
    if re.fullmatch(r"[a-z0-9-]{1,60}", f"{cipher}-{mode}"):
        found["os_encrypt_cipher"] = f"{cipher}-{mode}"
    return found


def _of_qcow2(match: Match) -> dict[str, str]:
    (method,) = struct.unpack_from(">I", match.region("header"), _QCOW2_CRYPT_METHOD)
    if not method:
        return {}
    return {"os_encrypt_format": "LUKSv1" if method == _QCOW2_LUKS else "AES"}


_ASKED = {"vmdk": _of_vmdk, "gpt": _of_boot_sector, "luks": _of_luks, "qcow2": _of_qcow2}
