"""Flatcar: `current/version.txt` says which version the channel has; its directory has sums beside each file."""

import re

from intaglio.domain import sums
from intaglio.manager.discovery.base import Build, NothingFound, Wanted, complete, day_in
from intaglio.manager.naming import shown
from intaglio.manager.upstream.web import Web

_VERSION = re.compile(r'^FLATCAR_VERSION="?([\d.]+)"?$', re.MULTILINE)
_BUILD_ID = re.compile(r'^FLATCAR_BUILD_ID="?([^"\n]+)"?$', re.MULTILINE)


def newest(web: Web, wanted: Wanted) -> Build:
    """The version that `…/amd64-usr/current/flatcar_production_openstack_image.img` is now."""
    channel = wanted.directory.rstrip("/").rpartition("/")[0] + "/"
    said = web.text(f"{channel}current/version.txt")
    version = _VERSION.search(said or "")
    if version is None:
        raise NothingFound(f"{shown(channel)}current/version.txt says no version")
    built = _BUILD_ID.search(said or "")
    url = f"{channel}{version[1]}/{wanted.name}"

    def build() -> Build:
        digests = web.text(f"{url}.DIGESTS")
        if digests is None:
            raise NothingFound(f"{shown(url)}.DIGESTS is not there")
        digest = sums.find(digests, wanted.name)
        return Build(version=version[1], url=url, digest=digest, day=day_in(built[1]) if built else None)

    return complete(web, [build], channel)
