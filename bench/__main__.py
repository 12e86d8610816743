"""`python -m bench` measures, prints, saves; `python -m bench publish RESULT.json` writes the documentation's page."""

import dataclasses
import datetime as dt
import os
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table
from tests.starters.base import CACHE, ROOT, debian

from bench import machine
from bench.goals import OURS
from bench.options import Options
from bench.options import quick as make_quick
from bench.plan import run_all
from bench.publish import publish as write_page
from bench.queries import Kind
from bench.queries import queries as measure_queries
from bench.report import markdown, terminal
from bench.results import Results
from bench.transfers import GIB, Client

RESULTS = ROOT / "bench" / "results"
MEMORY = Path("/dev/shm")  # noqa: S108 - the point is that it is memory; only fresh directories are made in it

app = App(name="bench", help="Measure Intaglio beside the real Glance and nginx.", version_flags=[])


@app.default
def measure(
    *,
    quick: Annotated[bool, Parameter(help="smaller and once: under four minutes", negative="")] = False,
    only: Annotated[tuple[str, ...], Parameter(help="only cases whose names start so (repeat for several)")] = (),
    json: Annotated[bool, Parameter(help="print the result as JSON", negative="")] = False,
    stand_in: Annotated[
        bool, Parameter(help="a second Glance in Intaglio's place, to try the bench", negative="")
    ] = False,
    store_dir: Annotated[Path, Parameter(help="where the stores on disk and all databases live")] = CACHE / "bench",
    client: Annotated[Client, Parameter(help="curl, or one that costs nothing")] = "curl",
    repeats: Annotated[int | None, Parameter(help="runs of each case; the median counts")] = None,
    output: Annotated[Path, Parameter(help="directory for the results")] = RESULTS,
) -> int:
    """Run the cases, print tables and goals, and save JSON and Markdown."""
    console = Console(stderr=json)
    for package, program in (("wrk", "wrk"), ("curl", "curl"), ("openssl", "openssl")):
        debian([package], "the benchmark", provides=[program])
    ours = "stand-in" if stand_in else OURS
    options = Options(store_dir, MEMORY, ours=ours, only=only, client=client)
    options = make_quick(options) if quick else options
    if repeats is not None:
        options = dataclasses.replace(options, repeats=repeats)
    results = Results(about=_about(options))
    try:
        run_all(options, results, lambda line: console.print(line, style="dim", markup=False, highlight=False))
    finally:
        # What was measured before an interruption is still worth reading.
        stem = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d-%H%M%S")
        results.save(output / f"{stem}.json")
        (output / f"{stem}.md").write_text(markdown(results, ours))
    terminal(results, ours, console)
    console.print(f"saved {output / stem}.json and .md", highlight=False)
    if json:
        sys.stdout.write(results.to_json())
    return 0


@app.command
def publish(result: Path, *later: Path, reference: Path = ROOT / "docs" / "reference") -> int:
    """Write docs/reference/benchmarks.md, its data and its charts from a result, and the cases of later ones."""
    for path in write_page([result, *later], reference, OURS):
        sys.stdout.write(f"{path}\n")
    return 0


@app.command
def queries(
    database: Annotated[Kind, Parameter(help="which database is filled and asked")] = "sqlite",
    *,
    images: Annotated[int, Parameter(help="images in it")] = 100_000,
) -> int:
    """Ask for every filter, sort key, search and count once, without HTTP, and print the milliseconds of each."""
    console = Console(highlight=False)
    table = Table("question", "found", "ms", "ms with statistics", title=f"{database}, {images} images")
    for each in measure_queries(database, images, console.print):
        table.add_row(each.name, str(each.found), f"{each.before:.1f}", f"{each.after:.1f}")
    console.print(table)
    return 0


def _about(options: Options) -> dict[str, dict[str, str]]:
    options.store_dir.mkdir(parents=True, exist_ok=True)
    return {
        "machine": machine.facts(options.store_dir),
        "versions": machine.versions(),
        "run": {
            "date": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "image": f"{options.size / GIB:g} GiB",
            "client": options.client,
            "repeats": str(options.repeats),
            "seconds of each load": f"{options.seconds:g}",
            "memory case": f"{options.memory_streams} up and as many down of {options.memory_size / GIB:g} GiB",
            "load average before": f"{os.getloadavg()[0]:.2f}",
        },
    }


if __name__ == "__main__":
    sys.exit(app())
