"""The page of compatibility, from the results of a run. It is never edited by hand."""

import collections
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tests.compat.expectations import switched_off
from tests.compat.results import Compatibility, Group, Verb
from tests.starters.base import ROOT

PAGE = ROOT / "docs" / "reference" / "compatibility.md"

_HEAD = """# Compatibility

<!-- Written by `python -m tests.compat.publish`; run that again instead of editing. -->

What other people's software makes of Intaglio: the three usual clients, every verb they have for images, and Tempest,
the test suite of OpenStack. All of it runs in the tests of this project, unchanged, from its releases on PyPI. This
page was written by such a run; its data are in [compatibility.json](compatibility.json).

"""

_CLIENTS = {
    "openstack": ("python-openstackclient", "openstack …"),
    "glance": ("python-glanceclient", "glance …"),
    "openstacksdk": ("openstacksdk", "connection.image.…"),
}

_SERVICES = (
    ("Cinder", "a volume of a raw image in Ceph", "a clone", "test_cinder.py::test_a_volume_of_a_raw_image_is_a_clone"),
    (
        "Cinder",
        "a volume of a qcow2 image, and an image of that volume",
        "converted",
        "test_cinder.py::test_a_volume_of_a_qcow2_image_and_back",
    ),
    (
        "Cinder",
        "a volume of an image in Cinder itself",
        "a clone",
        "test_cinder.py::test_a_volume_of_an_image_in_cinder_itself",
    ),
)

KEYSTONE = ("test_every_verb.py", "test_keystone.py")
"""The tests in which a real Keystone says who calls; in the others Intaglio's own users sign in."""


def page(found: Compatibility) -> str:
    return _HEAD + "".join(_parts(found))


def _parts(found: Compatibility) -> Iterator[str]:
    yield f"Run on {found.date} with "
    yield ", ".join(f"{name} {version}" for name, version in sorted(found.versions.items())) + ".\n\n"
    yield from _summary(found)
    for client, (name, form) in _CLIENTS.items():
        known = found.clients[client]
        yield f"\n## {name}\n\n`{form}`; under Keystone: used with a token of a real Keystone, too.\n\n"
        yield from _table(("verb", "", "under Keystone", "tests"), (_verb(verb, known[verb]) for verb in sorted(known)))
    yield "\n## Other services\n\n"
    yield "The real services, with a real Keystone, whose catalogue tells them where images are.\n\n"
    rows = ((*told, f"`tests/compat/{test}`") for *told, test in _SERVICES)
    yield from _table(("service", "makes", "which is", "test"), rows)
    yield from _tempest(found.groups)


def _summary(found: Compatibility) -> Iterator[str]:
    rows: list[tuple[str, ...]] = []
    for client, (name, _) in _CLIENTS.items():
        known = found.clients[client]
        working = sum(bool(verb.tests) for verb in known.values())
        rows.append((name, f"{len(known)} verbs", str(working), "", str(len(known) - working)))
    total = _totals(found.groups)
    number = sum(total)
    rows.append(("Tempest and its plug-in for Glance", f"{number} tests", *(str(count) for count in total)))
    yield from _table(("", "of", "work", "skipped", "do not yet"), rows)


def _totals(groups: Mapping[str, Group]) -> tuple[int, int, int]:
    return (
        sum(group.passed for group in groups.values()),
        sum(sum(group.skipped.values()) for group in groups.values()),
        sum(len(group.failed) for group in groups.values()),
    )


def _verb(name: str, verb: Verb) -> tuple[str, str, str, str]:
    if not verb.tests:
        return f"`{name}`", f"not yet: {verb.reason}", "", ""
    keystone = "yes" if any(test.startswith(KEYSTONE) for test in verb.tests) else ""
    return f"`{name}`", "works", keystone, str(len(verb.tests))


def _tempest(groups: Mapping[str, Group]) -> Iterator[str]:
    yield "\n## Tempest\n\nThe image tests of Tempest and all tests of its plug-in for Glance, with a real Keystone and"
    yield " two file stores.\n\n"
    rows = [
        (f"`{name}`", str(group.passed), str(sum(group.skipped.values()) or ""), str(len(group.failed) or ""))
        for name, group in sorted(groups.items())
    ]
    yield from _table(("class", "passed", "skipped", "failed"), rows)
    skipped: collections.Counter[str] = collections.Counter()
    failed: dict[str, list[str]] = collections.defaultdict(list)
    for name, group in sorted(groups.items()):
        skipped.update(group.skipped)
        for test, reason in sorted(group.failed.items()):
            failed[reason].append(f"{name.rpartition('.')[2]}.{test}")
    if failed:
        yield "\n### Failed\n\n"
        rows_ = [(reason, "<br>".join(f"`{test}`" for test in tests)) for reason, tests in sorted(failed.items())]
        yield from _table(("reason", "tests"), rows_)
    yield "\n### Skipped\n\nTempest is told what the service under test offers, and skips the rest.\n\n"
    yield from _table(("what Tempest says", "tests"), ((reason, str(n)) for reason, n in sorted(skipped.items())))
    yield "\nSwitched off: "
    yield "; ".join(f"`{name}` ({reason})" for name, reason in switched_off().items()) + ".\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield _line(head) + _line(["---"] * len(head))
    for row in rows:
        yield _line(row)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |\n"
