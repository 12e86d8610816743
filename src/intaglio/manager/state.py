"""What a cloud has: its managed images as values, and which build of which definition each of them is."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from intaglio.domain.digests import Digest, DigestInvalid, parse
from intaglio.manager import naming
from intaglio.manager.definitions import LATEST, Definition
from intaglio.manager.fields import FIELDS_OF_AN_IMAGE

UNFINISHED = frozenset({"queued", "saving", "uploading", "importing"})
GONE = frozenset({"deleted", "pending_delete", "killed"})


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """An image of a cloud, as the service describes it."""

    id: str
    name: str = ""
    status: str = "active"
    visibility: str = "private"
    owner: str | None = None
    protected: bool = False
    hidden: bool = False
    disk_format: str | None = None
    min_disk: int = 0
    min_ram: int = 0
    size: int | None = None
    virtual_size: int | None = None
    checksum: str | None = None
    hash_algorithm: str | None = None
    hash_value: str | None = None
    created_at: str = ""
    tags: tuple[str, ...] = ()
    properties: dict[str, str] = {}

    @property
    def usable(self) -> bool:
        """Whether it has data and is not half an import."""
        return self.status not in UNFINISHED and naming.STATE not in self.properties


class Cloud(msgspec.Struct, frozen=True):
    """The managed images of one project of a cloud."""

    name: str
    project: str | None
    images: tuple[Image, ...]
    foreign: int = 0
    """Images with the tag that belong to other projects: they are never touched."""

    def fingerprint(self) -> str:
        """A digest of all that a plan depends on: two clouds with one fingerprint get one plan."""
        images = sorted(self.images, key=lambda image: image.id)
        return hashlib.sha256(msgspec.json.encode((self.project, images), order="sorted")).hexdigest()


class Build(msgspec.Struct, frozen=True):
    """Which build an image is: of which definition (by name), which version, which bytes. None: not known."""

    definition: str
    version: str | None
    digest: str | None


def image_from(document: Mapping[str, Any]) -> Image:
    """An image out of the service's JSON. What is neither a field nor a text is no property."""
    return Image(
        id=str(document["id"]),
        name=document.get("name") or "",
        status=document.get("status") or "",
        visibility=document.get("visibility") or "private",
        owner=document.get("owner"),
        protected=bool(document.get("protected")),
        hidden=bool(document.get("os_hidden")),
        disk_format=document.get("disk_format"),
        min_disk=document.get("min_disk") or 0,
        min_ram=document.get("min_ram") or 0,
        size=document.get("size"),
        virtual_size=document.get("virtual_size"),
        checksum=document.get("checksum"),
        hash_algorithm=document.get("os_hash_algo"),
        hash_value=document.get("os_hash_value"),
        created_at=document.get("created_at") or "",
        tags=tuple(sorted(document.get("tags") or ())),
        properties={
            name: value
            for name, value in sorted(document.items())
            if name not in FIELDS_OF_AN_IMAGE and not name.startswith("os_glance") and isinstance(value, str)
        },
    )


def build_of(image: Image, definitions: Sequence[Definition]) -> Build | None:
    """The build that an image says it is, or that the original program's properties and names tell; else None."""
    named = image.properties.get(naming.DEFINITION)
    if named is not None:
        return Build(named, image.properties.get(naming.VERSION), image.properties.get(naming.DIGEST))
    definition = _adopting(image, definitions)
    if definition is None:
        return None
    digest = _digest(image.properties.get(naming.UPSTREAM_CHECKSUM))
    return Build(definition.name, _version(image, definition), digest)


def _adopting(image: Image, definitions: Iterable[Definition]) -> Definition | None:
    """The definition of an image that the original program made: by description, then by name."""
    known = {each.name: each for each in definitions}
    if image.properties.get(naming.NAME) in known:
        return known[image.properties[naming.NAME]]
    described = [each for each in known.values() if each.description == image.properties.get(naming.DESCRIPTION)]
    longest_first = sorted(known.values(), key=lambda each: -len(each.name))
    fitting = [each for each in longest_first if _fits(image.name, each)]
    for each in fitting:
        if not described or each in described:
            return each
    return described[0] if described else None


def _fits(name: str, definition: Definition) -> bool:
    return (definition.multi and name == definition.name) or naming.version_in(definition, name) is not None


def _version(image: Image, definition: Definition) -> str | None:
    stored = image.properties.get(naming.VERSION)
    if stored and stored != LATEST:
        return stored
    in_name = naming.version_in(definition, image.name)
    if in_name and in_name != LATEST:
        return in_name
    at = image.properties.get(naming.SOURCE)
    fitting = [each.version for each in definition.versions if at and naming.source(each.url) == at]
    return fitting[0] if len(fitting) == 1 and fitting[0] != LATEST else None


def _digest(text: str | None) -> str | None:
    try:
        found: Digest | None = parse(text) if text else None
    except DigestInvalid:
        return None
    return str(found) if found else None
