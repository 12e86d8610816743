"""Results for people: a table on the terminal, and Markdown."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from bench.goals import Verdict, judge
from bench.load import BUSY
from bench.results import METRICS, Results, title

_SECONDARY = {"client_cpu", "generator", "failed", "request_cpu"}
"""Kept in the JSON; in tables they would hide what matters."""


LIMIT = "limit"
_LIMITS = {
    ("openssl", "md5"): "MD5 on one core",
    ("openssl", "sha512"): "SHA-512 on one core",
    ("disk", "rate"): "writing to disk",
    ("wrk", "requests"): "the load generator, of nginx and 1 kB",
}


def rows(results: Results, ours: str) -> Iterator[tuple[str, str, dict[str, str], str]]:
    """Case, metric with its unit, the median by server, and ours by Glance's."""
    for case, servers in _measured(results):
        keys = {key: None for metrics in servers.values() for key in metrics}
        for key in keys:
            metric = METRICS.get(key)
            if metric is None or key in _SECONDARY:
                continue
            if case.startswith(("show", "list", "filter", "create")) and key == "rate":
                continue
            medians = {server: results.median(case, server, key) for server in servers}
            cells = {name: f"{value:.{metric.digits}f}" for name, value in medians.items() if value is not None}
            ratio = results.ratio(key, (case, ours), (case, "glance"))
            label = f"{metric.title}, {metric.unit}" if metric.unit else metric.title
            yield title(case), label, cells, "" if ratio is None else f"{ratio:.2f}"


def columns(results: Results, ours: str) -> list[str]:
    """Ours first, then Glance, then nginx."""
    names = {server: None for _, servers in _measured(results) for server in servers}
    first = [name for name in (ours, "glance", "nginx") if name in names]
    return [*first, *(name for name in names if name not in first)]


def warnings(results: Results) -> list[str]:
    """What a reader must know before believing the numbers."""
    found = list(results.failures)
    for case, servers in _measured(results):
        for server in servers:
            where = f"{title(case)}, {server}"
            busy = results.median(case, server, "generator")
            if busy is not None and busy > BUSY:
                found.append(f"{where}: the load generator was busy {busy:.0%} of the time, so it may be the limit")
            failed = results.median(case, server, "failed")
            if failed:
                found.append(f"{where}: {failed:.1f} % failed; only what succeeded is counted")
    return found


def limits(results: Results) -> dict[str, str]:
    """What the machine can do alone."""
    found = {}
    for (server, key), label in _LIMITS.items():
        value = results.median(LIMIT, server, key)
        if value is not None:
            found[label] = f"{value:.0f} {METRICS[key].unit}"
    return found


def _measured(results: Results) -> list[tuple[str, dict[str, dict[str, list[float]]]]]:
    return [(case, servers) for case, servers in results.runs.items() if case != LIMIT]


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
    for label, text in limits(results).items():
        console.print(f"limit: {label}: {text}", highlight=False)
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
    parts = results.about | {"limits": limits(results)}
    facts = "".join(
        f"- {part}: {', '.join(f'{key} {value}' for key, value in known.items())}\n"
        for part, known in parts.items()
        if known
    )
    noted = "".join(f"- {warning}\n" for warning in warnings(results))
    return (
        f"## Goals\n\n{markdown_goals(judge(results, ours))}\n## Medians\n\n{markdown_table(results, ours)}\n"
        f"## Measured on\n\n{facts}" + (f"\n## To be minded\n\n{noted}" if noted else "")
    )
