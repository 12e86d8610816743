"""Ubuntu: a directory for each build of a release, `20260115/` or `20260115.1/`; minimal: `release-20260115/`."""

import re

from intaglio.manager.discovery.base import Build, Wanted, in_dated_directories
from intaglio.manager.upstream.web import Web

_DIRECTORIES = re.compile(r"(?:release-)?(?P<version>\d{8}(?:\.\d+)?)")


def newest(web: Web, wanted: Wanted) -> Build:
    """The newest build beside `…/noble/current/noble-server-cloudimg-amd64.img`."""
    root = wanted.directory.rstrip("/").rpartition("/")[0] + "/"
    return in_dated_directories(web, root, _DIRECTORIES, lambda _: wanted.name, "SHA256SUMS")
