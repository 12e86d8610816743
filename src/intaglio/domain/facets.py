"""Counts of images by the values of a field, of a property, or of tags."""

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

import msgspec

from intaglio.base.errors import Invalid
from intaglio.domain.image import Image


class Kind(Enum):
    """What holds the values that are counted."""

    FIELD = "field"
    PROPERTY = "property"
    TAG = "tag"


FIELDS = ("visibility", "disk_format", "container_format", "status", "owner", "protected")
DEFAULT = ("os_distro", "architecture", "visibility", "disk_format", "container_format", "status")
LIMIT = 20  # facets of one request
# Fields with a value of its own for nearly every image, or that the list chooses by itself.
_NOT_COUNTED = frozenset(
    {
        "id", "name", "size", "virtual_size", "checksum", "os_hash_value", "os_hash_algo", "created_at", "updated_at",
        "min_ram", "min_disk", "os_hidden", "tags", "locations", "direct_url", "self", "file", "schema", "stores",
        "deleted", "deleted_at", "members", "properties",
    }
)  # fmt: skip


class InvalidFacet(Invalid):
    """Images cannot be counted by this, or by so many things at once."""

    code = "invalid-facet"


class Facet(msgspec.Struct, frozen=True):
    """What images are counted by."""

    name: str
    kind: Kind


class Counted(msgspec.Struct, frozen=True):
    """The most frequent values with their numbers of images, how many images have none, how many values there are."""

    values: tuple[tuple[str | bool, int], ...]
    missing: int
    distinct: int


class Facets(msgspec.Struct, frozen=True):
    """The number of images, and the counts by facet."""

    total: int
    counts: Mapping[str, Counted]

    @classmethod
    def none(cls) -> "Facets":
        """Of no image at all."""
        return cls(0, {})

    def of(self, wanted: Sequence[Facet]) -> "Facets":
        """With each that is wanted, in that order; one that was not counted has no value in any image."""
        absent = Counted((), self.total, 0)
        return Facets(self.total, {each.name: self.counts.get(each.name, absent) for each in wanted})


def read_facets(names: Sequence[str]) -> tuple[Facet, ...]:
    """The facets of these names, or those that are counted by default. Raises `InvalidFacet`."""
    wanted = tuple(dict.fromkeys(names)) or DEFAULT
    if len(wanted) > LIMIT:
        raise InvalidFacet(f"Images are counted by {LIMIT} facets at once, not {len(wanted)}.")
    return tuple(_facet(name) for name in wanted)


def _facet(name: str) -> Facet:
    if name in _NOT_COUNTED or not name or "\x00" in name or name.startswith("os_glance"):
        raise InvalidFacet(
            f"Images are not counted by '{name[:80]}'; use {', '.join(FIELDS)}, tag, or the name of a property."
        )
    if name in FIELDS:
        return Facet(name, Kind.FIELD)
    return Facet(name, Kind.TAG if name == "tag" else Kind.PROPERTY)


def count_images(images: Sequence[Image], wanted: Sequence[Facet], limit: int) -> Facets:
    """Count these images; `limit` values of each facet."""
    counts = {}
    for facet in wanted:
        held = [_values(image, facet) for image in images]
        numbers = Counter(value for values in held for value in values)
        counts[facet.name] = most_frequent(numbers, sum(not values for values in held), limit)
    return Facets(len(images), counts)


def most_frequent(numbers: Mapping[Any, int], missing: int, limit: int) -> Counted:
    """The first `limit` values by number, then by name."""
    ordered = sorted(numbers.items(), key=lambda item: (-item[1], str(item[0])))
    return Counted(tuple((_plain(value), number) for value, number in ordered[:limit]), missing, len(ordered))


def _plain(value: object) -> str | bool:
    return value if isinstance(value, bool) else str(value)


def _values(image: Image, facet: Facet) -> tuple[object, ...]:
    if facet.kind is Kind.TAG:
        return image.tags
    value = image.properties.get(facet.name) if facet.kind is Kind.PROPERTY else getattr(image, facet.name)
    return () if value is None else (value,)
