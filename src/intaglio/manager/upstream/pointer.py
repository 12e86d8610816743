"""What a version leaves to the upstream: which build `latest` is, and digests that only a list beside the file has."""

from collections.abc import Iterable

import msgspec

from intaglio.base.errors import IntaglioError
from intaglio.domain import sums
from intaglio.manager.definitions import LATEST, Definition, Version
from intaglio.manager.upstream.web import FetchFailed, Web


def resolve(definitions: Iterable[Definition], web: Web) -> tuple[list[Definition], dict[str, str]]:
    """The definitions with every version and digest known, and why some could not be resolved, by name."""
    resolved: list[Definition] = []
    failed: dict[str, str] = {}
    for definition in definitions:
        try:
            versions = tuple(_version(each, web) if each.needs_asking else each for each in definition.versions)
        except IntaglioError as error:
            failed[definition.name] = str(error)
            versions = definition.versions
        resolved.append(msgspec.structs.replace(definition, versions=versions))
    return resolved, failed


def _version(version: Version, web: Web) -> Version:
    """Which build it is. A pointer is named by the day of its file, or else by its digest."""
    address = version.checksums_url or version.checksum_url or ""
    text = web.text(address)
    if text is None:
        raise FetchFailed(f"There are no digests at {address}; see {version.place}.")
    name = sums.name_in(version.url)
    digest = sums.find(text, name) if version.checksums_url else sums.bare(text, name)
    found = msgspec.structs.replace(version, checksum=digest)
    if version.version != LATEST:
        return found
    day = web.modified(version.mirror_url or version.url)
    return msgspec.structs.replace(
        found,
        version=day.strftime("%Y%m%d") if day else digest.hex[:8],
        build_date=version.build_date or (day.isoformat() if day else None),
    )
