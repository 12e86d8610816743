"""How `intaglio store` shows progress and what it found: a bar for people, plain lines elsewhere."""

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from intaglio.cli.output import console_on, print_table

if TYPE_CHECKING:
    from typing import Any

    from intaglio.bootstrap.store_conformance import Scores
    from intaglio.services.inventory import Told
    from intaglio.services.reconcile import Report

_EVERY_SECONDS = 10.0
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def size(number: float) -> str:
    """Bytes as a person reads them."""
    for unit in _UNITS:
        if number < 1024 or unit == _UNITS[-1]:  # noqa: PLR2004 - what the units are about
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    raise AssertionError


@contextlib.contextmanager
def progress(*, bytes_: bool = False) -> Iterator["Told"]:
    """Says how far a long command is, on standard error: a line that changes, or now and then a new one."""
    console = console_on(stderr=True)
    if not console.is_terminal:
        yield _Lines(bytes_=bytes_)
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    amount = TextColumn("{task.fields[amount]}")
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), amount, TimeElapsedColumn(), console=console, transient=True
    ) as bars:
        task = bars.add_task("beginning", total=None, amount="")
        done = 0

        def told(what: str, more: int) -> None:
            nonlocal done
            done += more
            bars.update(task, description=what, amount=size(done) if bytes_ else str(done))

        yield told


class _Lines:
    def __init__(self, *, bytes_: bool) -> None:
        self._bytes = bytes_
        self._done = 0
        self._said = time.monotonic()

    def __call__(self, what: str, more: int) -> None:
        self._done += more
        if time.monotonic() - self._said >= _EVERY_SECONDS:
            self._said = time.monotonic()
            sys.stderr.write(f"{what}: {size(self._done) if self._bytes else self._done}\n")
            sys.stderr.flush()


def print_report(report: "Report", *, fixed: bool) -> None:
    """A reconciliation, for people."""
    if report.findings:
        rows = [
            (
                str(each.kind),
                each.store_id,
                each.key or "-",
                "" if each.size is None else size(each.size),
                "" if each.age_hours is None else f"{each.age_hours:.1f} h",
                "removed" if each.fixed else each.note,
            )
            for each in report.findings
        ]
        print_table(("What", "Store", "Object", "Size", "Age", "Note"), rows)
    for store_id, reason in report.unreadable.items():
        sys.stdout.write(f"{store_id} could not be compared: {reason}\n")
    for lease in report.removals:
        state = "was given up" if lease.given_up_at else "is tried again"
        sys.stdout.write(
            f"{lease.store_id}: removing {lease.key or 'data'} of image {lease.image_id} failed {lease.attempts} times "
            f"and {state}: {lease.error}\n"
        )
    if report.kept_images:
        sys.stdout.write(f"{report.kept_images} deleted images have their data kept.\n")
    swept = sum(report.swept.values())
    if swept:
        sys.stdout.write(f"{swept} unfinished objects of dead writers were removed.\n")
    objects = ", ".join(f"{number} objects in {store_id}" for store_id, number in report.objects.items())
    sys.stdout.write(f"{report.copies} copies are recorded; {objects or 'no store was compared'}. ")
    if report.fine:
        sys.stdout.write("They agree.\n")
    else:
        sys.stdout.write("See above.\n" if fixed else "Nothing was changed; --fix removes what nobody needs.\n")


def print_scores(scores: "Scores") -> None:
    """What became of each test of the conformance suite, a store a column; then why tests failed."""
    names = list(dict.fromkeys(name for tests in scores.values() for name in tests))
    rows = [
        (name.removeprefix("test_").replace("_", " "), *(_cell(tests.get(name)) for tests in scores.values()))
        for name in names
    ]
    print_table(("Test", *scores), rows)
    for store_id, tests in scores.items():
        for score in tests.values():
            for reason in score.failed:
                sys.stdout.write(f"{store_id}: {reason}\n")


def _cell(score: "Any") -> str:
    if score is None:
        return "not run"
    if score.failed:
        return "FAILED"
    if score.skipped and not score.passed:
        return f"skipped: {score.skipped[0].removeprefix('Skipped: ')}"
    return "passed" if score.passed == 1 else f"passed {score.passed}"
