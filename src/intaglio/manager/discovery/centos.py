"""CentOS Stream: one directory, in which a list of sums names the pointer `latest` and the builds, `20260115.0`."""

import re

from intaglio.manager.discovery.base import Build, Wanted, in_a_list
from intaglio.manager.upstream.web import Web

_BUILD = r"\d{8}\.\d+"
_POINTER = re.compile(rf"latest|HEREBE.*DRAGONS|{_BUILD}")


def newest(web: Web, wanted: Wanted) -> Build:
    """The newest build beside `CentOS-Stream-GenericCloud-9-latest.x86_64.qcow2`."""
    before, after = _POINTER.split(wanted.name, maxsplit=1)
    pattern = re.compile(rf"{re.escape(before)}(?P<version>{_BUILD}){re.escape(after)}")
    return in_a_list(web, wanted, "CHECKSUM", pattern)
