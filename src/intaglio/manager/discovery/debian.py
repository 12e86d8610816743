"""Debian: a directory for each build under the release's, `20260115-2360/`, with the build in the file's name, too."""

import re

from intaglio.manager.discovery.base import Build, Wanted, in_dated_directories
from intaglio.manager.upstream.web import Web

_BUILD = r"\d{8}-\d+"


def newest(web: Web, wanted: Wanted) -> Build:
    """The newest daily or official build beside `…/latest/debian-13-genericcloud-amd64.qcow2`."""
    root = wanted.directory.rstrip("/").rpartition("/")[0] + "/"
    stem, dot, ending = wanted.name.rpartition(".")
    stem = re.sub(rf"-{_BUILD}$", "", stem)
    pattern = re.compile(rf"(?P<version>{_BUILD})")
    return in_dated_directories(web, root, pattern, lambda build: f"{stem}-{build}{dot}{ending}", "SHA512SUMS")
