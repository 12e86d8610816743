"""What a run of all clients and of Tempest came to, as data: `docs/reference/compatibility.json`."""

import collections
import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.starters.base import ROOT
from tests.starters.tempest import Result

DATA = ROOT / "docs" / "reference" / "compatibility.json"


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
