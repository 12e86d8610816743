"""The builds of one definition, newest first: those listed, those in the cloud, and which image is which build."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from intaglio.domain.digests import Digest, parse
from intaglio.manager import naming
from intaglio.manager.definitions import Definition, Version
from intaglio.manager.state import Build, Image

PACKED = (".bz2", ".gz", ".xz", ".zip", ".zst")


class Entry(msgspec.Struct, frozen=True):
    """A build: listed in the file (`listed`), in the cloud (`image`), or both."""

    listed: Version | None
    image: Image | None
    version: str | None
    digest: str | None = None

    @property
    def age(self) -> tuple[object, ...]:
        """A key that sorts older builds first; of one version, the listed build is the newest."""
        created = self.image.created_at if self.image else "9"
        return naming.natural(self.version or ""), self.listed is not None, created, self.image.id if self.image else ""


def matched(definition: Definition, images: Mapping[str, Build], pool: Sequence[Image]) -> list[Entry]:
    """Every build of a definition, newest first. `images` tells for each image of the pool which build it is."""
    free = {image.id: image for image in pool}
    chosen: dict[int, Image] = {}
    for exactly in (True, False):
        for index, version in enumerate(definition.versions):
            found = [] if index in chosen else [i for i in free.values() if _is(images[i.id], version, exactly=exactly)]
            if found:
                chosen[index] = max(found, key=lambda image: _preference(image, images[image.id], version))
                del free[chosen[index].id]
    entries = [
        Entry(version, chosen.get(index), version.version, str(version.checksum) if version.checksum else None)
        for index, version in enumerate(definition.versions)
    ]
    entries += [Entry(None, image, images[image.id].version, images[image.id].digest) for image in free.values()]
    return sorted(entries, key=lambda entry: entry.age, reverse=True)


def _is(build: Build, version: Version, *, exactly: bool) -> bool:
    known = parse(build.digest) if build.digest else None
    if exactly:
        return build.version == version.version and comparable(known, version.checksum) is not False
    return comparable(known, version.checksum) is True


def comparable(one: Digest | None, other: Digest | None) -> bool | None:
    """Whether two digests are equal; None when they cannot be compared."""
    if one is None or other is None or one.algorithm != other.algorithm:
        return None
    return one == other


def _preference(image: Image, build: Build, version: Version) -> tuple[object, ...]:
    same = bool(build.digest) and build.digest == str(version.checksum)
    return same, image.status == "active", naming.DEFINITION in image.properties, image.created_at, image.id


def proven(image: Image, definition: Definition, version: Version) -> bool | None:
    """Whether the service's own digest of the data is the published one; None when they cannot be compared."""
    digest = version.checksum
    if digest is None or image.disk_format != definition.format or version.url.endswith(PACKED):
        return None
    theirs = {image.hash_algorithm: image.hash_value, "md5": image.checksum}.get(digest.algorithm)
    return theirs == digest.hex if theirs else None


def names(
    definition: Definition, ordered: Iterable[Entry], current: Entry | None, going: Collection[int] = ()
) -> dict[int, str]:
    """A name for each entry, by its index; of equal ones, the oldest build has the plain suffix. No name is twice.

    `going`: indexes of those that are about to be deleted; no other is named as if they stayed.
    """
    listing = list(ordered)
    found: dict[int, str] = {}
    taken: set[str] = {definition.name} if definition.multi else set()

    def turn(index: int) -> tuple[bool, bool, int]:
        return index in going, definition.multi or not listing[index].listed, -index

    turns = sorted(range(len(listing)), key=turn)
    for index in turns:
        entry = listing[index]
        if entry is current and definition.multi:
            found[index] = definition.name
            continue
        name = _suffixed(definition, entry)
        if name in taken:
            name = naming.suffixed(definition, f"{entry.version or _day(entry)}.{_mark(entry)}")
        taken.add(name)
        found[index] = name
    return found


def _suffixed(definition: Definition, entry: Entry) -> str:
    if entry.version is not None:
        return naming.suffixed(definition, entry.version)
    if entry.image is not None and entry.image.name and entry.image.name != definition.name:
        return entry.image.name  # somebody has named it: nothing better is known
    return naming.suffixed(definition, _day(entry))


def _day(entry: Entry) -> str:
    day = entry.image.created_at[:10].replace("-", "") if entry.image else ""
    return day if re.fullmatch(r"\d{8}", day) else "unknown"


def _mark(entry: Entry) -> str:
    """Eight characters that tell two builds of one version apart."""
    if entry.digest:
        return entry.digest.rpartition(":")[2][:8]
    return entry.image.id[:8] if entry.image else "new"
