"""Turns results into the benchmark page of the documentation and its charts. The page is never edited by hand."""

from collections.abc import Sequence
from pathlib import Path

from bench.charts import charts, draw
from bench.report import markdown
from bench.results import Results, load

PAGE = "benchmarks.md"
DATA = "benchmarks.json"

_HEAD = """# Benchmarks

<!-- Written by `python -m bench publish`; change bench/publish.py or measure again instead of editing. -->

Intaglio with two API processes beside Glance 33 under uWSGI with two processes and nginx with two, in one run on one
machine, the repeats of all servers interleaved; cases that were measured by themselves later are named at the end. How
to repeat it, and what each number means, is in [Run the benchmarks](../howto/run-the-benchmarks.md). Every single run
stands in [benchmarks.json](benchmarks.json).

"""


def page(results: Results, ours: str) -> str:
    pictures = "".join(f"![{chart.title}](benchmarks/{chart.name}.svg)\n\n" for chart in charts(results))
    return _HEAD + pictures + markdown(results, ours)


def publish(sources: Sequence[Path], reference: Path, ours: str) -> list[Path]:
    """Write the page, its data and charts under `reference` (docs/reference); what was written.

    The cases of later sources take the place of those of the first, each as a whole.
    """
    results = load(sources[0])
    for source in sources[1:]:
        results.extend(load(source))
    pictures = reference / "benchmarks"
    pictures.mkdir(parents=True, exist_ok=True)
    written = [reference / PAGE, reference / DATA]
    results.save(written[1])
    written[0].write_text(page(results, ours))
    for chart in charts(results):
        path = pictures / f"{chart.name}.svg"
        path.write_text(draw(chart))
        written.append(path)
    return written
