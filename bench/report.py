"""Results for people: a table on the terminal, and Markdown."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from bench.goals import Verdict, judge
from bench.load import BUSY
from bench.results import METRICS, Results, title

_SECONDARY = {"client_cpu", "generator", "failed", "request_cpu"}
"""Kept in the JSON; in tables they would hide what matters."""


def rows(results: Results, ours: str) -> Iterator[tuple[str, str, dict[str, str], str]]:
    """Case, metric with its unit, the median by server, and ours by Glance's."""
    for case, servers in results.runs.items():
        keys = {key: None for metrics in servers.values() for key in metrics}
        for key in keys:
            metric = METRICS.get(key)
            if metric is None or key in _SECONDARY or (case == "limit" and key in {"p50", "p99"}):
                continue
            if case.startswith(("show", "list", "filter", "create")) and key == "rate":
                continue
            medians = {server: results.median(case, server, key) for server in servers}
            cells = {name: f"{value:.{metric.digits}f}" for name, value in medians.items() if value is not None}
            ratio = results.ratio(key, (case, ours), (case, "glance"))
            label = f"{metric.title}, {metric.unit}" if metric.unit else metric.title
            yield title(case), label, cells, "" if ratio is None else f"{ratio:.2f}"


def columns(results: Results, ours: str) -> list[str]:
    """Ours first, then Glance, then the limits."""
    names = {server: None for servers in results.runs.values() for server in servers}
    first = [name for name in (ours, "glance", "nginx") if name in names]
    return [*first, *(name for name in names if name not in first)]


def warnings(results: Results) -> list[str]:
    """What a reader must know before believing the numbers."""
    found = list(results.failures)
    for case, servers in results.runs.items():
        for server in servers:
            busy = results.median(case, server, "generator")
            if busy is not None and busy > BUSY and case != "limit":
                found.append(
                    f"{case}, {server}: the load generator used {busy:.2f} of its processor, so it may be the limit"
                )
    return found


def terminal(results: Results, ours: str, console: Console) -> None:
    table = Table("case", "metric", title="Medians")
    names = columns(results, ours)
    for name in [*names, "ours / Glance"]:
        table.add_column(name, justify="right")
    last = ""
    for case, metric, cells, ratio in rows(results, ours):
        table.add_row("" if case == last else case, metric, *(cells.get(name, "") for name in names), ratio)
        last = case
    console.print(table)
    goals = Table("goal", "bound", "measured", "", title="Goals")
    colours = {"met": "green", "missed": "red", "not measured": "dim"}
    for verdict in judge(results, ours):
        colour = colours[verdict.word]
        goals.add_row(verdict.goal.text, verdict.bound, verdict.measured, f"[{colour}]{verdict.word}[/]")
    console.print(goals)
    for warning in warnings(results):
        console.print(warning, style="yellow", markup=False)


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |\n"


def markdown_goals(verdicts: list[Verdict]) -> str:
    text = _line("goal", "bound", "measured", "") + _line("---", "---", "---:", "---")
    for verdict in verdicts:
        text += _line(verdict.goal.text, verdict.bound, verdict.measured, verdict.word)
    return text


def markdown_table(results: Results, ours: str) -> str:
    names = columns(results, ours)
    text = _line("case", "metric", *names, "ours / Glance")
    text += _line("---", "---", *("---:" for _ in names), "---:")
    last = ""
    for case, metric, cells, ratio in rows(results, ours):
        text += _line("" if case == last else case, metric, *(cells.get(name, "") for name in names), ratio)
        last = case
    return text


def markdown(results: Results, ours: str) -> str:
    """The whole result, without charts."""
    facts = "".join(
        f"- {part}: {', '.join(f'{key} {value}' for key, value in known.items())}\n"
        for part, known in results.about.items()
    )
    noted = "".join(f"- {warning}\n" for warning in warnings(results))
    return (
        f"## Goals\n\n{markdown_goals(judge(results, ours))}\n## Medians\n\n{markdown_table(results, ours)}\n"
        f"## Measured on\n\n{facts}" + (f"\n## To be minded\n\n{noted}" if noted else "")
    )
