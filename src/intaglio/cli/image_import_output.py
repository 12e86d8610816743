"""How `intaglio image import --wait` shows how far it is: a bar on a terminal, a line for what is new elsewhere."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress

Tell = Callable[[Mapping[str, Any]], None]

_STEPS = {"fetch": "fetching", "store": "storing", "copy": "copying"}


@contextlib.contextmanager
def shown_progress(name: str) -> Iterator[Tell]:
    """What is to be told of a task whenever there is news of it; all of it goes to standard error."""
    from intaglio.cli.output import console_on

    console = console_on(stderr=True)
    if not console.is_terminal:
        yield Lines(name).tell
        return
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), TimeElapsedColumn(), console=console) as bars:
        yield Bars(bars, name).tell


class Bars:
    """A bar for each step that moves bytes."""

    def __init__(self, bars: "Progress", name: str) -> None:
        from rich.markup import escape

        self._bars = bars
        self._name = escape(name)
        self._step = ""
        self._bar = bars.add_task(f"{self._name}: waiting for a worker", total=None)
        self._error = ""

    def tell(self, task: Mapping[str, Any]) -> None:
        """Move the bar."""
        progress = task.get("progress")
        if progress is None:
            if task["status"] == "processing":
                self._bars.update(self._bar, description=f"{self._name}: begun")
            return
        step = _STEPS.get(progress["step"], progress["step"])
        if self._step and step != self._step:
            self._bars.stop_task(self._bar)
            self._bar = self._bars.add_task("", total=None)
        self._step = step
        total = progress["total_bytes"]
        self._bars.update(self._bar, description=f"{self._name}: {step}", completed=progress["bytes"], total=total)
        if task["status"] == "success" and total:
            self._bars.update(self._bar, completed=total)
        error = progress.get("last_error") or ""
        if error and error != self._error:
            self._bars.console.print(f"tried again: {error}", markup=False, highlight=False)
        self._error = error


class Lines:
    """A line for each step, each tenth of it, and each failure that is tried again."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._said: tuple[Any, ...] = ()
        self._error = ""

    def tell(self, task: Mapping[str, Any]) -> None:
        """Write a line, if there is something new to say."""
        progress = task.get("progress")
        if progress is None:
            return
        total = progress["total_bytes"]
        tenths = 10 * progress["bytes"] // total if total else progress["bytes"] >> 28
        now = (progress["step"], tenths)
        if now != self._said:
            step = _STEPS.get(progress["step"], progress["step"])
            of = f" of {total}" if total else ""
            sys.stderr.write(f"{self._name}: {step}, {progress['bytes']}{of} bytes{_left(progress)}\n")
        error = progress.get("last_error") or ""
        if error and error != self._error:
            sys.stderr.write(f"{self._name}: tried again: {error}\n")
        self._said, self._error = now, error


def _left(progress: Mapping[str, Any]) -> str:
    seconds = progress["seconds_left"]
    return f", {seconds} s left" if seconds else ""
