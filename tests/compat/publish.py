"""Runs all clients and Tempest, and writes what works into docs/reference: `python -m tests.compat.publish`.

With --clients or --tempest only that half is run, and the other is kept as it was.
"""

import argparse
import collections
import datetime as dt
import importlib.metadata
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

from tests.compat.expectations import failing, not_yet
from tests.compat.page import PAGE, page
from tests.compat.results import DATA, PUBLISHING, Compatibility, Group, Verb, grouped, load
from tests.compat.tempest_run import run_all
from tests.compat.verbs import verbs
from tests.starters.base import ROOT
from tests.starters.environments import ENVIRONMENTS

PROCESSES = 2


def tests_by_verb() -> Mapping[str, list[str]]:
    """Run tests/compat without Tempest; for each `client verb` that worked, the passing tests that used it."""
    with tempfile.TemporaryDirectory() as place:
        report = Path(place) / "report.xml"
        command = [sys.executable, "-m", "pytest", "tests/compat", f"--junitxml={report}", "-n", str(PROCESSES)]
        command += ["--dist", "loadfile", "--deselect", "tests/compat/test_tempest.py", "-o", "junit_family=xunit1"]
        command += ["--deselect", "tests/compat/test_published.py"]
        if subprocess.run(command, cwd=ROOT, env=os.environ | {PUBLISHING: "1"}, check=False).returncode:
            raise SystemExit("Not all passed: nothing is published.")
        cases = ET.parse(report).getroot().iter("testcase")  # noqa: S314 - our own
        found: dict[str, list[str]] = collections.defaultdict(list)
        for case in cases:
            name = f"{case.attrib['file'].removeprefix('tests/compat/')}::{case.attrib['name']}"
            for each in case.iter("property"):
                if each.attrib["name"] == "verb":
                    found[each.attrib["value"]].append(name)
    return found


def clients() -> dict[str, dict[str, Verb]]:
    """Every verb of every client. A verb that no test used, and that nobody explains, stops it."""
    used, reasons = tests_by_verb(), not_yet()
    found: dict[str, dict[str, Verb]] = {}
    missing = []
    for client, known in verbs().items():
        found[client] = {}
        for verb in known:
            name = f"{client} {verb}"
            found[client][verb] = Verb(sorted(used.get(name, ())), reasons.get(name, ""))
            if name not in used and name not in reasons:
                missing.append(name)
    if missing:
        raise SystemExit(f"No test uses, and expected.toml does not explain: {', '.join(missing)}")
    return found


def groups() -> dict[str, Group]:
    """Tempest's classes. A failure that nobody explains stops it."""
    with tempfile.TemporaryDirectory() as place:
        results = run_all(Path(place))
    unknown = [each.test for each in results if each.outcome == "failed" and each.test not in failing()]
    if unknown:
        raise SystemExit(f"expected.toml does not explain: {', '.join(unknown)}")
    return grouped(results, failing())


def versions() -> dict[str, str]:
    """Of everything that took part; other people's are pinned."""
    pinned = [pin for name in ("clients", "tempest", "keystone") for pin in ENVIRONMENTS[name]]
    known = dict(pin.split("==", 1) for pin in pinned if not pin.startswith("uwsgi"))
    return {"intaglio": importlib.metadata.version("intaglio"), "python": sys.version.split()[0]} | known


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--clients", action="store_true", help="run the clients only")
    options.add_argument("--tempest", action="store_true", help="run Tempest only")
    chosen = options.parse_args()
    both = chosen.clients == chosen.tempest
    new_clients = clients() if both or chosen.clients else None
    new_groups = groups() if both or chosen.tempest else None
    before = load() if DATA.exists() else Compatibility("", {}, {name: {} for name in verbs()}, {})
    found = Compatibility(
        date=f"{dt.datetime.now(dt.UTC):%Y-%m-%d}",
        versions=versions(),
        clients=before.clients if new_clients is None else new_clients,
        groups=before.groups if new_groups is None else new_groups,
    )
    found.save()
    PAGE.write_text(page(load()))
    sys.stdout.write(f"{DATA}\n{PAGE}\n")


if __name__ == "__main__":
    main()
