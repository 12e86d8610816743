"""openSUSE Leap: one directory of files with sums beside them; the name without a build leads to the newest."""

import re

from intaglio.manager.discovery.base import Build, NothingFound, Wanted, beside, complete, with_sums_beside
from intaglio.manager.upstream.web import Web

_BUILT = r"-(?P<version>[\d.]+-Cloud-Build[\d.]+)"


def newest(web: Web, wanted: Wanted) -> Build:
    """The newest build beside `openSUSE-Leap-15.6-Minimal-VM.x86_64-Cloud.qcow2`; its day, if no build has a name."""
    before, cloud, after = wanted.name.partition("-Cloud")
    try:
        return with_sums_beside(web, wanted, re.compile(rf"{re.escape(before)}{_BUILT}{re.escape(after)}"))
    except NothingFound:
        day = web.modified(wanted.hint) if cloud else None
        if day is None:
            raise
        return complete(web, [lambda: beside(web, wanted.hint, f"{day:%Y%m%d}")], wanted.directory)
