"""Runs the conformance suite on every driver with its real part: `python -m tests.stores.conformance_table`.

Every class of the suite in tests/stores is a column; all parts that this machine can start are started. The table is
printed, and written to docs/reference/conformance.md with --write. Ends with 1 when a test failed.
"""

import argparse
import ast
import datetime as dt
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from rich.console import Console
from rich.table import Table

from tests.starters.base import ROOT

PAGE = ROOT / "docs" / "reference" / "conformance.md"
SUITE = ROOT / "src" / "intaglio" / "stores" / "conformance.py"
_HERE = ROOT / "tests" / "stores"
FILES = (*sorted(_HERE.glob("test_*_conformance.py")), _HERE / "test_memory.py")
_MISSING = "real part missing:"


class Score(msgspec.Struct):
    """What became of one test on one driver."""

    passed: int = 0
    skipped: set[str] = msgspec.field(default_factory=set)
    failed: int = 0

    def __str__(self) -> str:
        if self.failed:
            return f"FAILED ({self.failed})"
        if self.passed:
            return "passed" if self.passed == 1 else f"passed ({self.passed})"
        return "not run" if any(_MISSING in why for why in self.skipped) else "skipped"


Scores = dict[str, dict[str, Score]]
"""By column, then by test."""


class _Listener:
    def __init__(self) -> None:
        self.scores: Scores = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        file, _, rest = report.nodeid.partition("::")
        group, _, test = rest.partition("::")
        score = self.scores.setdefault(column(Path(file), group), {}).setdefault(test.partition("[")[0], Score())
        if report.failed:
            score.failed += 1
        elif report.skipped:
            score.skipped.add(str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr))
        elif report.when == "call":
            score.passed += 1


def column(file: Path, group: str) -> str:
    """The name of a class of the suite in the table, such as `s3 Radosgw`."""
    kind = file.stem.removeprefix("test_").removesuffix("_conformance")
    way = group.removeprefix("Test")
    return kind if way.lower() == kind else f"{kind} {way}"


def columns() -> Mapping[str, str]:
    """Every class of the suite, and what it says of itself."""
    found = {}
    for file in FILES:
        tree = ast.parse(file.read_text())
        about = (ast.get_docstring(tree) or "").partition("\n")[0]
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
                found[column(file, node.name)] = (ast.get_docstring(node) or about).partition("\n")[0]
    return found


def every_test() -> list[str]:
    """Every test of the suite, in its order."""
    [suite] = [
        each for each in ast.parse(SUITE.read_text()).body if isinstance(each, ast.ClassDef) and _has_tests(each)
    ]
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return [node.name for node in suite.body if isinstance(node, kinds) and node.name.startswith("test_")]


def _has_tests(node: ast.ClassDef) -> bool:
    return any(isinstance(each, ast.AsyncFunctionDef) and each.name.startswith("test_") for each in node.body)


def run(only: str, jobs: int) -> Scores:
    """Run the suite on every driver whose column has `only` in its name, with so many processes."""
    listener = _Listener()
    chosen = [
        f"{file}::{node.name}"
        for file in FILES
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test") and only in column(file, node.name)
    ]
    pytest.main(
        ["-q", "--rootdir", str(ROOT), "-p", "no:cacheprovider", "-n", str(jobs), "--dist", "loadfile", *chosen],
        plugins=[listener],
    )
    return listener.scores


def page(scores: Scores, day: dt.date) -> str:
    """The table as Markdown."""
    about = columns()
    names = [name for name in about if name in scores]
    lines = [
        "# Store conformance",
        "",
        "<!-- Written by `python -m tests.stores.conformance_table --write`, which ran every test named here. -->",
        "",
        f"What became of each test of the one suite that every store driver passes, with its real part, on {day}. A",
        "test of several cases shows how many. `skipped` is a test of an ability that the driver does not have,",
        "named below; `not run`: the machine could not start the real part.",
        "",
        f"| test | {' | '.join(names)} |",
        f"|---|{'---|' * len(names)}",
    ]
    for test in every_test():
        cells = [str(scores[name].get(test, Score(skipped={""}))) for name in names]
        lines.append(f"| `{test.removeprefix('test_')}` | {' | '.join(cells)} |")
    lines += ["", "| column | is |", "|---|---|", *(f"| {name} | {about.get(name, '')} |" for name in names), ""]
    reasons = sorted({f"- {name}: {why}" for name in names for each in scores[name].values() for why in each.skipped})
    return "\n".join([*lines, "Skipped, or not run:", "", *reasons, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="write docs/reference/conformance.md, too")
    parser.add_argument("--only", default="", metavar="TEXT", help="columns with this in their names")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="processes (default: 2)")
    chosen = parser.parse_args()
    scores = run(chosen.only, chosen.jobs)
    scores = {name: scores[name] for name in columns() if name in scores}
    table = Table("test", *scores)
    for test in every_test():
        table.add_row(test.removeprefix("test_"), *(str(each.get(test, "")) for each in scores.values()))
    Console().print(table)
    if chosen.write:
        PAGE.write_text(page(scores, dt.datetime.now(dt.UTC).date()), encoding="utf-8")
    if not scores or any(score.failed for each in scores.values() for score in each.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
