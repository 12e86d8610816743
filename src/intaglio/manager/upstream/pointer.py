"""What a version leaves to the upstream: which build `latest` is, and digests that only a list beside the file has."""

from collections.abc import Iterable

import msgspec

from intaglio.base.errors import IntaglioError
from intaglio.domain import sums
from intaglio.manager.definitions import LATEST, Definition, Signature, Version
from intaglio.manager.upstream import signed
from intaglio.manager.upstream.web import FetchFailed, Web


def resolve(definitions: Iterable[Definition], web: Web) -> tuple[list[Definition], dict[str, str]]:
    """The definitions with every version and digest known, and why some could not be resolved, by name."""
    found: list[Definition] = []
    failed: dict[str, str] = {}
    for definition in definitions:
        try:
            versions = tuple(resolved(each, definition.signature, web) for each in definition.versions)
        except IntaglioError as error:
            failed[definition.name] = str(error)
            versions = definition.versions
        found.append(msgspec.structs.replace(definition, versions=versions))
    return found, failed


def resolved(version: Version, signature: Signature | None, web: Web) -> Version:
    """Which build it is; itself when the file says that. A pointer is named by the day of its file, or by its digest.

    Raises `FetchFailed`, with a signature required also `SignatureMissing` and others of `signed`.
    """
    if not version.needs_asking:
        return version
    found = _asked(version, web) if signature is None else signed.verified(version, signature, web)
    if version.version != LATEST:
        return found
    day = web.modified(version.mirror_url or version.url)
    digest = found.checksum.hex[:8] if found.checksum else LATEST
    return msgspec.structs.replace(
        found,
        version=day.strftime("%Y%m%d") if day else digest,
        build_date=version.build_date or (day.isoformat() if day else None),
    )


def _asked(version: Version, web: Web) -> Version:
    address = version.checksums_url or version.checksum_url or ""
    text = web.text(address)
    if text is None:
        raise FetchFailed(f"There are no digests at {address}; see {version.place}.")
    name = sums.name_in(version.url)
    digest = sums.find(text, name) if version.checksums_url else sums.bare(text, name)
    return msgspec.structs.replace(version, checksum=digest)
