"""How the image manager's commands print: tables for people, JSON for programs, bars while bytes move."""

import contextlib
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.progress import Progress as Bars
from rich.table import Table

from intaglio.cli.output import console_on, print_json, print_table
from intaglio.manager import catalogue, naming
from intaglio.manager.actions import Action, Change, Delete, Import, Keep, Plan, Update, Value
from intaglio.manager.definitions import Catalogue, Definition
from intaglio.manager.progress import Meter, Progress
from intaglio.manager.state import Cloud, build_of

if TYPE_CHECKING:
    from intaglio.manager.apply import Outcome
    from intaglio.manager.mirror.run import Mirrored
    from intaglio.manager.streams.export import Outcome as Exports
    from intaglio.manager.update import Updated

_COLOURS = {"import": "green", "rename": "cyan", "update": "yellow", "hide": "magenta", "delete": "red", "keep": "dim"}


def print_validation(found: Catalogue, form: str) -> None:
    """Every problem in a line, and a summary."""
    if form == "json":
        print_json({"summary": catalogue.summary(found), "problems": found.problems})
        return
    for problem in found.problems:
        sys.stdout.write(f"{problem}\n")
    counts = catalogue.summary(found)
    sys.stdout.write(", ".join(f"{number} {name}" for name, number in counts.items()) + "\n")


def print_updates(found: Sequence["Updated"], form: str) -> None:
    """What each definition's upstream has."""
    if form == "json":
        print_json(found)
        return
    for each in found:
        dropped = f", instead of {', '.join(each.dropped)}" if each.dropped else ""
        said = f": {each.message}" if each.message else ""
        version = f" {each.version}" if each.version else ""
        sys.stdout.write(f"{each.result:8} {each.definition}{version}{dropped}{said}\n")


def print_mirrored(done: "Mirrored", form: str) -> None:
    """What became of each build and each superfluous file, and how many of each."""
    if form == "json":
        print_json(done)
        return
    for each in done.builds:
        said = f": {each.message}" if each.message else ""
        sys.stdout.write(f"{each.result:8} {each.definition} {each.version} {each.key}{said}\n")
    for gone in done.pruned:
        sys.stdout.write(f"{gone.result:8} {gone.key}, which nothing names since {gone.since}\n")
    for file in done.written:
        sys.stdout.write(f"{file}: mirror_url written\n")
    for note in done.notes:
        sys.stderr.write(f"warning: {note}\n")
    kinds = [each.result for each in done.builds] + [each.result for each in done.pruned]
    counts = {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
    sys.stdout.write((", ".join(f"{number} {kind}" for kind, number in counts.items()) or "Nothing is named.") + "\n")


def print_exported(done: "Exports", form: str) -> None:
    """What became of each build, and whether the lists changed."""
    if form == "json":
        print_json(done)
        return
    for each in done.builds:
        said = f": {each.message}" if each.message else f" {each.fingerprint[:12]}"
        sys.stdout.write(f"{each.result:8} {each.definition} {each.version} {each.product}{said}\n")
    removed = f", {len(done.removed)} superfluous files removed" if done.removed else ""
    sys.stdout.write(f"{'published' if done.published else 'nothing is new'}{removed}\n")


def kind_of(action: Action) -> str:
    """One word for what happens to an image."""
    if isinstance(action, Update):
        fields = {change.field: change.new for change in action.changes}
        if "name" in fields:
            return "rename"
        return "hide" if fields.get("visibility") == "community" or fields.get("os_hidden") is True else "update"
    return {Import: "import", Delete: "delete", Keep: "keep"}[type(action)]


def print_plan(plan: Plan, form: str) -> None:
    """The actions with their reasons."""
    if form == "json":
        print_json(plan)
        return
    _print_notes(plan)
    rows = [(kind_of(each), each.name, _what(each), each.reason) for each in plan.actions]
    console = console_on()
    if not console.is_terminal:
        print_table(("action", "image", "change", "why"), rows)
    elif rows:
        table = Table("action", "image", "change", "why", box=None, header_style="bold")
        for kind, *cells in rows:
            table.add_row(f"[{_COLOURS[kind]}]{kind}[/]", *(escape(cell) for cell in cells))
        console.print(table, highlight=False)
    sys.stdout.write(_counted([kind for kind, *_ in rows if kind != "keep"]) + "\n")


def print_diff(plan: Plan) -> None:
    """Each difference as a line that goes and one that comes."""
    _print_notes(plan)
    for action in plan.changes:
        sys.stdout.write(f"{kind_of(action)} {action.name}\n")
        if isinstance(action, Update):
            for change in action.changes:
                sys.stdout.writelines(
                    f"  {sign} {change.field.removeprefix('property:')}: {_shown(value)}\n"
                    for sign, value in (("-", change.old), ("+", change.new))
                    if value is not None
                )
    sys.stdout.write(_counted([kind_of(each) for each in plan.changes]) + "\n")


def print_outcomes(plan: Plan, outcomes: Sequence["Outcome"], form: str) -> None:
    """What became of each action; what was done has been said while it was done."""
    if form == "json":
        print_json({"notes": plan.notes, "outcomes": outcomes})
        return
    _print_notes(plan)
    for each in outcomes:
        if each.result == "skipped":
            sys.stdout.write(f"{each.name}: not done: {each.message}\n")
    counts = {result: sum(each.result == result for each in outcomes) for result in ("done", "failed", "skipped")}
    said = ", ".join(f"{number} {result}" for result, number in counts.items() if number)
    sys.stdout.write(f"{said or 'Nothing to do.'}\n")


def print_status(cloud: Cloud, definitions: Sequence[Definition], form: str) -> None:
    """The managed images, a line each."""
    rows = []
    for image in sorted(cloud.images, key=lambda image: (image.name, image.id)):
        build = build_of(image, definitions)
        rows.append(
            {
                "definition": build.definition if build else None,
                "version": build.version if build else None,
                "name": image.name,
                "status": image.status,
                "visibility": image.visibility + (", hidden" if image.hidden else ""),
                "digest": image.properties.get(naming.DIGEST),
                "signed_by": image.properties.get(naming.SIGNER),
                "retired": image.properties.get(naming.RETIRED),
                "id": image.id,
            }
        )
    if form == "json":
        print_json({"cloud": cloud.name, "project": cloud.project, "foreign": cloud.foreign, "images": rows})
        return
    titles = ("definition", "version", "name", "status", "visibility", "digest", "id")
    print_table(titles, [[str(row[title] or "-")[:40] for title in titles] for row in rows])


def _print_notes(plan: Plan) -> None:
    for note in plan.notes:
        sys.stderr.write(f"{note.severity}: {note.definition + ': ' if note.definition else ''}{note.message}\n")


def _what(action: Action) -> str:
    if isinstance(action, Import):
        signer = action.properties.get(naming.SIGNER)
        known = "" if action.digest else ", digest still to be found"
        return f"{naming.shown(action.sources[0])}{known}" + (f", signed by {signer}" if signer else "")
    if isinstance(action, Update):
        return "; ".join(map(_change, action.changes))
    return ""


def _change(change: Change) -> str:
    return f"{change.field.removeprefix('property:')}: {_shown(change.old)} → {_shown(change.new)}"


def _shown(value: Value) -> str:
    if value is None:
        return "(none)"
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _counted(kinds: Sequence[str]) -> str:
    counts = {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
    return ", ".join(f"{number} to {kind}" for kind, number in counts.items()) or "Nothing to do."


class _Lines:
    """Progress where nobody watches: one line when a transfer has ended."""

    @contextlib.contextmanager
    def transfer(self, what: str) -> Iterator[Meter]:
        seen = [0]

        def meter(count: int, _: int | None) -> None:
            seen[0] = count

        yield meter
        if seen[0]:
            self.say(f"{what}: {seen[0]} bytes")

    def say(self, text: str) -> None:
        sys.stderr.write(f"{' '.join(text.split())}\n")


class _Shown:
    """Progress on a terminal: a bar for each transfer."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def transfer(self, what: str) -> Iterator[Meter]:
        with self._lock:
            task = self._bars.add_task(escape(what), total=None)
        yield lambda count, total: self._bars.update(task, completed=count, total=total)
        self._bars.remove_task(task)

    def say(self, text: str) -> None:
        self._bars.console.print(escape(text), highlight=False)


@contextlib.contextmanager
def progress() -> Iterator[Progress]:
    """Bars on a terminal, lines elsewhere, both on standard error."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=console, transient=True) as bars:
        yield _Shown(bars)
