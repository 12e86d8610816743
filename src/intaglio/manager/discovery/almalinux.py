"""AlmaLinux: one directory, in which a list of sums names the pointer `latest` and the builds, `9.7-20260115`."""

import re

from intaglio.manager.discovery.base import Build, Wanted, in_a_list
from intaglio.manager.upstream.web import Web

_BUILD = r"\d+(?:\.\d+)*-\d{8}(?:\.\d+)?"


def newest(web: Web, wanted: Wanted) -> Build:
    """The newest build beside `AlmaLinux-9-GenericCloud-latest.x86_64.qcow2`."""
    before, after = re.split(rf"latest|{_BUILD}", wanted.name, maxsplit=1)
    pattern = re.compile(rf"{re.escape(before)}(?P<version>{_BUILD}){re.escape(after)}")
    return in_a_list(web, wanted, "CHECKSUM", pattern)
