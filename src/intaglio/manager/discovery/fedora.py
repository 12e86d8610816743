"""Fedora: one JSON file lists every image of every release with its digest (`releases.json`)."""

import re
from urllib.parse import urlsplit

import msgspec

from intaglio.domain.digests import DigestInvalid, parse
from intaglio.domain.sums import name_in
from intaglio.manager.discovery.base import Build, NothingFound, Wanted, complete
from intaglio.manager.naming import natural, shown
from intaglio.manager.upstream.web import Web

_NAME = re.compile(r"Fedora-Cloud-Base-(?:Generic[.-])?(?:\w+-)?(?P<version>\d+-[\d.]+\d)(?:\.\w+)?\.qcow2")


class _Entry(msgspec.Struct):
    version: str
    arch: str
    link: str
    variant: str = ""
    sha256: str | None = None


def newest(web: Web, wanted: Wanted) -> Build:
    """The newest Cloud Base image of `meta.os_version`, or of all releases; no betas. `hint` is the JSON file."""
    text = web.text(wanted.hint)
    try:
        entries = msgspec.json.decode(text or "", type=list[_Entry])
    except msgspec.DecodeError as error:
        raise NothingFound(f"{shown(wanted.hint)} is no list of releases: {error}") from None
    found = []
    for entry in entries:
        match = _NAME.fullmatch(name_in(entry.link))
        suits = entry.variant == "Cloud" and entry.arch == wanted.architecture and entry.version.isdigit()
        if match and suits and wanted.os_version in {"", entry.version} and urlsplit(entry.link).scheme:
            found.append((match["version"], entry))
    found.sort(key=lambda each: natural(each[0]), reverse=True)

    def build(version: str, entry: _Entry) -> Build:
        try:
            digest = parse(f"sha256:{entry.sha256}")
        except DigestInvalid as error:
            raise NothingFound(f"{shown(entry.link)}: {error}") from None
        return Build(version=version, url=entry.link, digest=digest)

    return complete(web, [lambda each=each: build(*each) for each in found[:5]], wanted.hint)  # type: ignore[misc]
