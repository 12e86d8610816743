"""What an image should be: the properties, tags and fields that follow from a definition and a version."""

from collections.abc import Mapping

from intaglio.manager import naming
from intaglio.manager.actions import Change, Value
from intaglio.manager.definitions import Definition, Version
from intaglio.manager.state import Image

GIB = 1 << 30
_TAG = "tag:"
_NEVER_CHANGED = (naming.SOURCE, naming.VERSION, naming.DIGEST, naming.SIGNER)
"""They tell what the data are, and data never change."""


def properties(definition: Definition, version: Version, *, current: bool) -> dict[str, str]:
    """All properties but those of one image (its digest, what it owns)."""
    found: dict[str, str | None] = {
        naming.USER: definition.login,
        naming.DESCRIPTION: definition.name,
        naming.NAME: definition.name,
        naming.SOURCE: naming.source(version.url),
        naming.BUILD_DATE: version.build_date,
        **definition.meta,
    }
    if not definition.multi:
        found["os_version"] = version.version
    elif version.os_version:
        found["os_version"] = version.os_version
    found |= version.meta
    if definition.multi and not current and found.get("os_purpose") == "generic":
        found["os_purpose"] = "oldgeneric"
    found |= {naming.DEFINITION: definition.name, naming.VERSION: version.version, naming.SIGNER: version.signer}
    return {name: value for name, value in found.items() if value is not None}


def tags(definition: Definition, managed: str) -> tuple[str, ...]:
    """The managed tag, that of the distribution, and the definition's."""
    distribution = definition.meta.get("os_distro")
    return tuple(sorted({managed, *definition.tags, *([f"os:{distribution}"] if distribution else [])}))


def owned(wanted: Mapping[str, str], tags_: tuple[str, ...]) -> str:
    """The list of what the manager has set, kept on the image so that it can be taken away again."""
    names = [name for name in wanted if name not in naming.OURS]
    return ",".join(
        sorted([*(name for name in names if "," not in name), *(_TAG + tag for tag in tags_ if "," not in tag)])
    )


def min_disk(wanted: int, virtual_size: int | None) -> int:
    """GiB, at least what the disk in the image has."""
    return max(wanted, -(-(virtual_size or 0) // GIB))


def property_changes(image: Image, wanted: Mapping[str, str], removed: frozenset[str]) -> list[Change]:
    """What makes an image's properties the wanted ones. Foreign ones stay; ours that are not wanted any more go."""
    mine = {name for name in image.properties.get(naming.OWNED, "").split(",") if name and not name.startswith(_TAG)}
    changes = []
    for name, value in sorted(wanted.items()):
        old = image.properties.get(name)
        if old != value and not (old is not None and name in _NEVER_CHANGED):
            changes.append(Change(f"property:{name}", old, value))
    gone = sorted(((mine - {naming.SOURCE}) | removed) & image.properties.keys() - wanted.keys())
    return changes + [Change(f"property:{name}", image.properties[name], None) for name in gone]


def tag_changes(image: Image, wanted: tuple[str, ...]) -> list[Change]:
    """What makes an image's tags the wanted ones. An operator's stay; ours that are not wanted any more go."""
    mine = {name.removeprefix(_TAG) for name in image.properties.get(naming.OWNED, "").split(",") if _TAG in name}
    result = tuple(sorted((set(image.tags) - mine) | set(wanted)))
    return [] if result == tuple(sorted(image.tags)) else [Change("tags", tuple(sorted(image.tags)), result)]


def field_changes(image: Image, wanted: Mapping[str, Value]) -> list[Change]:
    """What makes fields (name, visibility, status, os_hidden, min_disk, min_ram) the wanted ones."""
    now: dict[str, Value] = {
        "name": image.name,
        "visibility": image.visibility,
        "os_hidden": image.hidden,
        "status": image.status,
        "min_disk": image.min_disk,
        "min_ram": image.min_ram,
    }
    return [Change(field, now[field], value) for field, value in wanted.items() if now[field] != value]
