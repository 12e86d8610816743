"""Turns one result into the benchmark page of the documentation and its charts. The page is never edited by hand."""

import shutil
from pathlib import Path

from bench.charts import charts, draw
from bench.report import markdown
from bench.results import Results, load

PAGE = "benchmarks.md"
DATA = "benchmarks.json"

_HEAD = """# Benchmarks

<!-- Written by `python -m bench publish`; change bench/publish.py or measure again instead of editing. -->

Intaglio with two API processes beside Glance 33 under uWSGI with two processes and nginx with two, in one run on one
machine, the repeats of all servers interleaved. How to repeat it, and what each number means, is in
[Run the benchmarks](../howto/run-the-benchmarks.md). Every single run stands in [benchmarks.json](benchmarks.json).

"""


def page(results: Results, ours: str) -> str:
    pictures = "".join(f"![{chart.title}](benchmarks/{chart.name}.svg)\n\n" for chart in charts(results))
    return _HEAD + pictures + markdown(results, ours)


def publish(source: Path, reference: Path, ours: str) -> list[Path]:
    """Write the page, its data and charts under `reference` (docs/reference); what was written."""
    results = load(source)
    pictures = reference / "benchmarks"
    pictures.mkdir(parents=True, exist_ok=True)
    written = [reference / PAGE, reference / DATA]
    if source.resolve() != written[1].resolve():
        shutil.copyfile(source, written[1])
    written[0].write_text(page(results, ours))
    for chart in charts(results):
        path = pictures / f"{chart.name}.svg"
        path.write_text(draw(chart))
        written.append(path)
    return written
