"""One run's state: options, results, scratch directories; and how a case is measured, repeated and noted."""

import contextlib
import dataclasses
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import httpx

from bench.client import Failed
from bench.options import Options
from bench.results import Results
from bench.servers import STARTERS, Login, Place, Server
from bench.source import Source

Measure = Callable[[], Mapping[str, float]]
Say = Callable[[str], None]

ATTEMPTS = 3


@dataclasses.dataclass
class Run:
    """One run: its options, what it found so far, its two scratch directories, and the file that is sent.

    `empty` is a database with Glance's tables and no image.
    """

    options: Options
    results: Results
    say: Say
    disk: Path
    memory: Path
    source: Source
    empty: Path

    def note(self, failure: str) -> None:
        """Keep what went wrong with the results, and say it."""
        self.results.failures.append(failure)
        self.say(f"failed: {failure}")

    def measure(self, case: str, server: str, measure: Measure) -> None:
        """Do one run of a case for one server; what fails is noted, tried again, then left."""
        if not self.options.wants(case):
            return
        for attempt in range(ATTEMPTS):
            try:
                values = measure()
            except (Failed, httpx.HTTPError) as error:
                self.note(f"{case}, {server}, attempt {attempt + 1}: {error}")
            else:
                self.results.add(case, server, values)
                found = "  ".join(f"{key} {value:.2f}" for key, value in values.items())
                self.say(f"{case:24} {server:10} {found}")
                return

    def repeat(self, work: Sequence[tuple[str, str, Measure]]) -> None:
        """Measure each (case, server), and all of them again, as often as the options say."""
        for _ in range(self.options.repeats):
            for case, server, measure in work:
                self.measure(case, server, measure)

    @contextlib.contextmanager
    def server(
        self, name: str, label: str, store: Path, database: Path, login: Login | None = None
    ) -> Iterator[list[Server]]:
        """One server with its copy of the database, or none when it does not start; all its things go at the end."""
        place = Place(self.disk / label / name, store / label / name, database, login=login)
        with contextlib.ExitStack() as stack:
            stack.callback(shutil.rmtree, place.work, ignore_errors=True)
            stack.callback(shutil.rmtree, place.store, ignore_errors=True)
            try:
                started = [stack.enter_context(STARTERS[name](place))]
            except (Failed, OSError) as error:
                self.note(f"{label}, {name} did not start: {error}")
                started = []
            yield started

    @contextlib.contextmanager
    def servers(self, label: str, store: Path, database: Path, login: Login | None = None) -> Iterator[list[Server]]:
        """Ours and Glance, side by side."""
        with contextlib.ExitStack() as stack:
            both = [self.server(name, label, store, database, login) for name in (self.options.ours, "glance")]
            yield [server for one in both for server in stack.enter_context(one)]
