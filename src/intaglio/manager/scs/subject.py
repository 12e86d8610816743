"""What the standards are about: images that are offered to all, out of a cloud or as definitions would make them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Literal

import msgspec

from intaglio.manager import desired, naming, retention
from intaglio.manager.definitions import Definition, Version
from intaglio.manager.policy import Policy
from intaglio.manager.state import Image

Level = Literal["must", "should"]
_DATES = ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ")


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """One image. None: only a cloud knows it, and this is a definition."""

    name: str
    where: str
    """The id of the image, or the place in the file."""
    properties: Mapping[str, str]
    tags: tuple[str, ...] = ()
    hidden: bool = False
    min_disk: int | None = None
    """GiB."""
    min_ram: int = 0
    """MiB."""
    size: int | None = None
    created_at: str | None = None
    hash_algorithm: str | None = None

    def get(self, name: str) -> str:
        """A property; empty when it is not there."""
        return self.properties.get(name, "")


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Where an image, or the whole offer, is not as a standard wants it."""

    standard: str
    rule: str
    level: Level
    image: str
    where: str
    message: str


def of_cloud(images: Iterable[Image]) -> list[Subject]:
    """The images of a cloud that everybody sees, hidden ones too."""
    return [
        Subject(
            name=image.name,
            where=image.id,
            properties=image.properties,
            tags=image.tags,
            hidden=image.hidden,
            min_disk=image.min_disk,
            min_ram=image.min_ram,
            size=image.size,
            created_at=image.created_at,
            hash_algorithm=image.hash_algorithm,
        )
        for image in images
        if image.visibility == "public" and image.status == "active"
    ]


def of_definitions(definitions: Iterable[Definition], tag: str) -> list[Subject]:
    """The images that these definitions would offer to all, as far as that can be told without a cloud."""
    return [subject for definition in definitions if definition.enable for subject in _offered(definition, tag)]


def _offered(definition: Definition, tag: str) -> Iterator[Subject]:
    rule = retention.rule_for(definition, Policy())
    newest = sorted(definition.versions, key=lambda version: naming.natural(version.version), reverse=True)
    for place, version in enumerate(newest):
        position = place if definition.multi else 0
        public = (version.visibility or definition.visibility) == "public"
        if public and rule.shows(position) and not (definition.multi and rule.excludes(position, date.max)):
            yield _subject(definition, version, tag, position)


def _subject(definition: Definition, version: Version, tag: str, position: int) -> Subject:
    current = definition.multi and position == 0
    found = desired.properties(definition, version, current=position == 0)
    if version.needs_asking:
        found.setdefault(naming.BUILD_DATE, datetime.now(UTC).date().isoformat())  # the day comes from the upstream
    return Subject(
        name=definition.name if current else naming.suffixed(definition, version.version),
        where=str(version.place),
        properties=found,
        tags=desired.tags(definition, tag),
        hidden=bool(version.hidden),
        min_disk=definition.min_disk or None,  # without one it is made the size of the disk
        min_ram=definition.min_ram,
    )


def moment(text: str) -> datetime | None:
    """A time as the standard writes it, UTC; None when it is none."""
    for form in _DATES:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


def is_address(text: str) -> bool:
    """Whether it is a URL that can be fetched."""
    return bool(re.match(r"(https?|ftps?)://", text))
