"""Tempest against Intaglio behind a real Keystone, everything started from nothing.

python -m tests.compat.tempest_run [REGEX]      # what failed, and what was skipped, on the terminal
"""

import collections
import contextlib
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tests.compat.expectations import switches
from tests.starters.images import image
from tests.starters.intaglio import intaglio
from tests.starters.keystone import Keystone, keystone
from tests.starters.nginx import nginx
from tests.starters.tempest import Result, Tempest, prepare

CONF = """[DEFAULT]
enabled_backends = fast:file, slow:file, web:http
do_secure_hash = {strict}
show_multiple_locations = {lenient}
enabled_import_methods = [glance-direct,web-download,copy-image,glance-download]
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
require_image_format_match = {strict}
[import_filtering_opts]
allowed_hosts = 127.0.0.1
allowed_ports = {port}
[cors]
allowed_origin = http://valid.example.com
"""

STRICT = ("image_format_enforcement", "do_secure_hash")
"""Switches that rule tests out when they are on: these are run once more on a service where both are off."""

LENIENT = ("manage_locations",)
"""Those that are on only there: these tests add locations by PATCH, and say of them what is not so."""

OF_STRICT = (
    "Image format enforcement prevents testing with bogus image data",
    "do_secure_hash is enabled",
    "ImageLocationsTest skipped as show_multiple_locations is not available",
    "ImageLocationsAdminTest skipped as show_multiple_locations is not available",
)
"""What Tempest says of the tests that are run there."""

REMOTE = "image_remote"
"""Tempest's name for another worker of the same service: any process of Intaglio is one, at the same address."""


def run_all(directory: Path, regex: str = "") -> list[Result]:
    """Every test, each on a service that is configured as the test needs it. Raises `Missing`."""
    with keystone(directory / "identity") as identity:
        with _suite(directory / "strict", identity, strict=True) as tempest:
            results = tempest.run(regex)
        missed = [each.test for each in results if each.outcome == "skipped" and _words(each.said) in OF_STRICT]
        if not missed:
            return results
        with _suite(directory / "lenient", identity, strict=False) as tempest:
            return _merged(results, tempest.run(_one_of(missed)))


@contextlib.contextmanager
def _suite(directory: Path, identity: Keystone, *, strict: bool) -> Iterator[Tempest]:
    """Tempest, ready to run against a service of its own until the block ends."""
    web = directory / "web"
    web.mkdir(parents=True)
    shutil.copyfile(image("qcow2"), web / "qcow2")
    off = LENIENT if strict else STRICT
    chosen = {name: on and name not in off for name, on in switches().items()}
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(nginx(web, directory / "nginx", workers=1))
        conf = CONF.format(
            stores=directory / "stores", strict=str(strict).lower(), lenient=str(not strict).lower(), port=source.port
        )
        running = intaglio(directory / "service", auth="keystone", workers=2, conf=conf + identity.section())
        service = stack.enter_context(running)
        region = identity.register(service.url, *([REMOTE] if strict else []))
        # The tests give what lies there out as raw and as qcow2: a qcow2 image may be called either.
        content = {"http_image": f"{source.url}/qcow2", "http_qcow2_image": f"{source.url}/qcow2"}
        content |= {"alternate_image_endpoint": REMOTE} if strict else {}
        yield prepare(directory / "tempest", identity, region, chosen, content=content)


def _one_of(tests: Sequence[str]) -> str:
    """What finds these tests; with the ids that Tempest writes behind their names."""
    found = "|".join(re.escape(test.partition("(")[0]) for test in tests)
    return rf"({found})(\[|\(|$)"


def _merged(first: Sequence[Result], second: Sequence[Result]) -> list[Result]:
    again = {each.test: each for each in second}
    return [again.get(each.test, each) for each in first]


def _words(text: str) -> str:
    return " ".join(text.split())


def told(results: Iterable[Result]) -> str:
    """Each test with the end of what it said."""
    return "\n\n".join(f"{each.test}\n{_indented(each.said)}" for each in results)


def _indented(text: str, lines: int = 25) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])


def main(regex: str = "") -> None:
    with tempfile.TemporaryDirectory() as place:
        results = run_all(Path(place), regex)
    sys.stdout.write(told(each for each in results if each.outcome == "failed"))
    reasons = collections.Counter(each.said for each in results if each.outcome == "skipped")
    sys.stdout.write("".join(f"\n{number:4} skipped: {reason}" for reason, number in reasons.most_common()))
    sys.stdout.write(f"\n{dict(collections.Counter(each.outcome for each in results))}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
