"""Tempest against Intaglio behind a real Keystone, everything started from nothing.

python -m tests.compat.tempest_run [REGEX]      # what failed, and what was skipped, on the terminal
"""

import collections
import contextlib
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.compat.expectations import switches
from tests.starters.intaglio import intaglio
from tests.starters.keystone import keystone
from tests.starters.tempest import Result, Tempest, prepare

CONF = """[DEFAULT]
enabled_backends = fast:file, slow:file
[glance_store]
default_backend = fast
[fast]
filesystem_store_datadir = {stores}/fast
weight = 200
[slow]
filesystem_store_datadir = {stores}/slow
weight = 100
[image_format]
disk_formats = ami,ari,aki,vhd,vhdx,vmdk,raw,qcow2,vdi,iso,ploop,gpt
[cors]
allowed_origin = http://valid.example.com
"""


@contextlib.contextmanager
def suite(directory: Path) -> Iterator[Tempest]:
    """Tempest, ready to run against a service of its own until the block ends. Raises `Missing`."""
    conf = CONF.format(stores=directory / "stores")
    with keystone(directory / "identity") as identity:
        conf += identity.section()
        with intaglio(directory / "service", auth="keystone", workers=1, conf=conf) as service:
            yield prepare(directory / "tempest", identity, identity.register(service.url), switches())


def told(results: Iterable[Result]) -> str:
    """Each test with the end of what it said."""
    return "\n\n".join(f"{each.test}\n{_indented(each.said)}" for each in results)


def _indented(text: str, lines: int = 25) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])


def main(regex: str) -> None:
    with tempfile.TemporaryDirectory() as place, suite(Path(place)) as tempest:
        results = tempest.run(regex)
    sys.stdout.write(told(each for each in results if each.outcome == "failed"))
    reasons = collections.Counter(each.said for each in results if each.outcome == "skipped")
    sys.stdout.write("".join(f"\n{number:4} skipped: {reason}" for reason, number in reasons.most_common()))
    sys.stdout.write(f"\n{dict(collections.Counter(each.outcome for each in results))}\n")


if __name__ == "__main__":
    main(*sys.argv[1:] or [""])
