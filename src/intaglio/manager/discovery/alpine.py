"""Alpine Linux: a directory of files with sums beside them, `generic_alpine-3.22.1-x86_64-bios-cloudinit-r0.qcow2`."""

import re

from intaglio.manager.discovery.base import Build, NothingFound, Wanted, with_sums_beside
from intaglio.manager.naming import shown
from intaglio.manager.upstream.web import Web

_NAME = re.compile(
    r"(?P<before>.*_alpine-)(?P<version>\d+(?:\.\d+)+)(?P<middle>-.*-r)(?P<revision>\d+)(?P<ending>\.\w+)"
)


def newest(web: Web, wanted: Wanted) -> Build:
    """The newest build of the same kind in the directory."""
    kind = _NAME.fullmatch(wanted.name)
    if kind is None:
        raise NothingFound(
            f"{shown(wanted.hint)} has no name like generic_alpine-3.22.1-x86_64-bios-cloudinit-r0.qcow2"
        )
    before, middle, ending = (re.escape(kind[part]) for part in ("before", "middle", "ending"))
    return with_sums_beside(web, wanted, re.compile(rf"{before}(?P<version>\d+(?:\.\d+)+{middle}\d+){ending}"))
