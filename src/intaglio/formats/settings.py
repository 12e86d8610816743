"""The `[image_format]` options, typed (Glance's names)."""

import msgspec

CONTAINER_FORMATS = ("ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed")
DISK_FORMATS = ("ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop")


class FormatSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What formats are accepted and how strictly content is judged."""

    container_formats: tuple[str, ...] = CONTAINER_FORMATS
    disk_formats: tuple[str, ...] = DISK_FORMATS
    require_image_format_match: bool = True
    gpt_safety_checks_nonfatal: tuple[str, ...] = ()
