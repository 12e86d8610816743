"""Which verbs the real clients have, by their own word, and which of them a test used and how that went."""

import dataclasses
import hashlib
import json
import os
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from filelock import FileLock

from tests.starters.base import CACHE
from tests.starters.clients import clients
from tests.starters.environments import ENVIRONMENTS

OPENSTACK, GLANCE, SDK = "openstack", "glance", "openstacksdk"

_OF_SDK = """
import json, sys
from openstack import proxy
from openstack.image.v2._proxy import Proxy
own = {name for name in dir(Proxy) if not name.startswith("_")} - set(dir(proxy.Proxy))
json.dump(sorted(name for name in own if callable(getattr(Proxy, name))), sys.stdout)
"""
_SAYS_NOTHING = {"cached image delete"}  # of openstack: what is not in a cache that is not there is no error to it
_SOFTLY = re.compile(r"Unable to|not permitted")  # some commands of `glance` say so and end with 0


@dataclasses.dataclass(frozen=True)
class Use:
    """A verb was used: `worked` when the client said that it did."""

    client: str
    verb: str
    worked: bool


class Recorder:
    """What the test that runs now has used."""

    def __init__(self) -> None:
        self.uses: list[Use] = []

    def command(self, program: str, words: Sequence[str], *, worked: bool, said: str) -> None:
        """`openstack … image list …` or `glance … image-list …` was run."""
        verb = _verb(program, words)
        if verb is not None:
            refused = verb in _SAYS_NOTHING or (program == GLANCE and _SOFTLY.search(said) is not None)
            self.uses.append(Use(program, verb, worked and not refused))

    def script(self, report: Path) -> None:
        """A script for openstacksdk wrote there what it called: a line of JSON each."""
        if report.exists():
            found = [json.loads(line) for line in report.read_text().splitlines()]
            known = set(verbs()[SDK])
            self.uses += [Use(SDK, each["verb"], each["worked"]) for each in found if each["verb"] in known]


RECORDER = Recorder()


@cache
def verbs() -> Mapping[str, Sequence[str]]:
    """Every verb about images, by client; asked of the clients once for their versions. Raises `Missing`."""
    binaries = clients()
    versions = hashlib.sha256(repr((ENVIRONMENTS["clients"], _OF_SDK)).encode()).hexdigest()[:16]
    path = CACHE / "verbs" / f"{versions}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        if not path.exists():
            path.write_text(json.dumps(_asked(binaries), indent=1))
    found: dict[str, list[str]] = json.loads(path.read_text())
    return found


def _asked(binaries: Path) -> dict[str, list[str]]:
    def said(*command: str) -> str:
        environment = {"PATH": os.environ["PATH"], "HOME": str(CACHE), "LC_ALL": "C.UTF-8", "PYTHONWARNINGS": "ignore"}
        done = subprocess.run(
            [binaries / command[0], *command[1:]], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    groups = json.loads(said("openstack", "command", "list", "--group", "openstack.image.v2", "-f", "json"))
    of_openstack = [verb for group in groups for verb in group["Commands"]]
    of_glance = [word for word in said("glance", "bash-completion").split() if not word.startswith("-")]
    of_sdk: list[str] = json.loads(said("python", "-c", _OF_SDK))
    left_out = {"help", "bash_completion", "bash-completion"}
    return {OPENSTACK: sorted(of_openstack), GLANCE: sorted(set(of_glance) - left_out), SDK: of_sdk}


def _verb(program: str, words: Sequence[str]) -> str | None:
    if program == GLANCE:
        return next((word for word in words if word in verbs()[GLANCE]), None)
    if program != OPENSTACK:
        return None
    said = f" {' '.join(words)} "
    return max((verb for verb in verbs()[OPENSTACK] if f" {verb} " in said), key=len, default=None)


def names(uses: Iterable[Use]) -> set[str]:
    """`openstack list`, `glance image-list`, `openstacksdk images` of those that worked."""
    return {f"{use.client} {use.verb}" for use in uses if use.worked}
