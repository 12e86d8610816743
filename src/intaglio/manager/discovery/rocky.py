"""Rocky Linux: like AlmaLinux, with the variant `Base` in the builds' names and not always in the pointer's."""

import re

from intaglio.manager.discovery.base import Build, Wanted, in_a_list
from intaglio.manager.upstream.web import Web

_BUILD = r"\d+(?:\.\d+)*-\d{8}(?:\.\d+)?"


def newest(web: Web, wanted: Wanted) -> Build:
    """The newest build beside `Rocky-9-GenericCloud.latest.x86_64.qcow2`, or `…-GenericCloud-Base.latest…`."""
    before, after = re.split(rf"\.latest|-{_BUILD}", wanted.name, maxsplit=1)
    variant = "" if re.search(r"-(Base|LVM)$", before) else "(?:-Base)?"
    pattern = re.compile(rf"{re.escape(before)}{variant}-(?P<version>{_BUILD}){re.escape(after)}")
    # the list that is named in definitions is often the one of the pointer alone
    return in_a_list(web, Wanted(hint=wanted.hint), "CHECKSUM", pattern)
