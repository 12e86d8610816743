"""What a run of all clients and of Tempest came to, as data: `docs/reference/compatibility.json`."""

import collections
import dataclasses
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from tests.starters.base import ROOT
from tests.starters.tempest import Result

DATA = ROOT / "docs" / "reference" / "compatibility.json"
PUBLISHING = "INTAGLIO_COMPAT_PUBLISHING"
"""Set while the data are gathered: they are then not held against the data that are there."""


@dataclasses.dataclass(frozen=True)
class Verb:
    """One verb of a client: the passing tests that used it, or the reason why it is refused."""

    tests: Sequence[str] = ()
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class Group:
    """One class of Tempest's tests: how many passed; those skipped by reason, and the failed tests with theirs."""

    passed: int
    skipped: Mapping[str, int]
    failed: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Compatibility:
    """The whole: `clients[name][verb]`, `groups[class]`, with what was run against what."""

    date: str
    versions: Mapping[str, str]
    clients: Mapping[str, Mapping[str, Verb]]
    groups: Mapping[str, Group]

    def save(self, path: Path = DATA) -> None:
        path.write_text(json.dumps(dataclasses.asdict(self), indent=1, sort_keys=True) + "\n")


def load(path: Path = DATA) -> Compatibility:
    document = json.loads(path.read_text())
    return Compatibility(
        date=document["date"],
        versions=document["versions"],
        clients={
            client: {verb: Verb(**facts) for verb, facts in known.items()}
            for client, known in document["clients"].items()
        },
        groups={name: Group(**facts) for name, facts in document["groups"].items()},
    )


@cache
def _promises() -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = collections.defaultdict(set)
    for client, known in load().clients.items() if DATA.exists() else ():
        for verb, facts in known.items():
            for test in facts.tests:
                found[test].add(f"{client} {verb}")
    return found


def promised(test: str) -> set[str]:
    """What the published data say that this test uses: `test_clients.py::test_set_and_unset`.

    Nothing while new ones are found out.
    """
    return set() if os.environ.get(PUBLISHING) else _promises().get(test, set())


def grouped(results: Iterable[Result], failing: Mapping[str, str]) -> dict[str, Group]:
    """Tempest's results by class; `failing` gives the reasons of failures."""
    classes: dict[str, list[Result]] = collections.defaultdict(list)
    for each in results:
        classes[each.group].append(each)
    return {name: _group(found, failing) for name, found in classes.items()}


def _group(found: Sequence[Result], failing: Mapping[str, str]) -> Group:
    skipped = collections.Counter(" ".join(each.said.split()) for each in found if each.outcome == "skipped")
    failed = {each.test.rpartition(".")[2]: failing.get(each.test, "") for each in found if each.outcome == "failed"}
    return Group(sum(each.outcome == "passed" for each in found), dict(skipped), failed)
