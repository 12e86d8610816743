"""Bar charts as small SVG files: one a question, a bar a server."""

import dataclasses
from xml.sax.saxutils import escape

from bench.results import METRICS, Results

_COLOURS = {"intaglio": "#2f6f4f", "stand-in": "#2f6f4f", "glance": "#b3562d", "nginx": "#7a7a7a", "openssl": "#b0b0b0"}
_WIDTH, _LEFT, _RIGHT, _BAR, _GAP, _HEAD = 720, 220, 90, 18, 14, 44


@dataclasses.dataclass(frozen=True)
class Chart:
    """`bars`: (group, server, value); bars of one group stand together."""

    name: str
    title: str
    bars: list[tuple[str, str, float]]


def draw(chart: Chart) -> str:
    """The chart as SVG; its grey is readable on light and dark pages."""
    top = max(value for _, _, value in chart.bars) or 1.0
    y, last, parts = _HEAD, "", []
    for group, server, value in chart.bars:
        if last and group != last:
            y += _GAP
        if group != last:
            parts.append(f'<text x="{_LEFT - 10}" y="{y + 13}" text-anchor="end">{escape(group)}</text>')
        last = group
        long = value / top * (_WIDTH - _LEFT - _RIGHT)
        colour = _COLOURS.get(server, "#888888")
        parts.append(f'<rect x="{_LEFT}" y="{y}" width="{max(long, 1):.1f}" height="{_BAR - 3}" fill="{colour}"/>')
        parts.append(f'<text x="{_LEFT + long + 6:.1f}" y="{y + 12}" class="v">{value:,.3g} {escape(server)}</text>')
        y += _BAR
    style = "text{font:13px sans-serif;fill:#777}.h{font-weight:bold;font-size:15px}.v{font-size:11px}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y + 10}" role="img" '
        f'aria-label="{escape(chart.title)}"><style>{style}</style>'
        f'<text x="10" y="24" class="h">{escape(chart.title)}</text>{"".join(parts)}</svg>\n'
    )


def _chart(results: Results, name: str, heading: str, metric: str, cases: dict[str, str]) -> Chart:
    unit = METRICS[metric].unit
    bars = []
    for case, label in cases.items():
        for server in results.runs.get(case, {}):
            value = results.median(case, server, metric)
            if value is not None:
                bars.append((label, server, value))
    return Chart(name, f"{heading} ({unit})", bars)


def charts(results: Results) -> list[Chart]:
    """All charts that this run has numbers for."""
    moves = {"upload-1": "upload, 1 stream", "upload-4": "upload, 4 streams"}
    fetches = {"download-1": "download, 1 stream", "download-8": "download, 8 streams", "ranges": "ranges of 1 MiB"}
    both = ("memory", "disk")
    up = {f"{case}@{where}": f"{label}, {where}" for case, label in moves.items() for where in both}
    down = {f"{case}@{where}": f"{label}, {where}" for case, label in fetches.items() for where in both}
    asked = {
        "show@10000": "show",
        "list@1000": "list 25 of 1 000",
        "list@10000": "list 25 of 10 000",
        "list@100000": "list 25 of 100 000",
        "filter@10000": "filter, of 10 000",
        "show-keystone@10000": "show, Keystone",
        "list-keystone@10000": "list 25, Keystone",
        "create-delete-1@10000": "create and delete, 1",
        "create-delete-8@10000": "create and delete, 8",
    }
    found = [
        _chart(results, "upload", "Uploads, more is better", "rate", up),
        _chart(results, "download", "Downloads, more is better", "rate", down),
        _chart(results, "processor", "Server's processor time, less is better", "cpu", up | down),
        _chart(results, "requests", "Requests, more is better", "requests", asked),
        _chart(
            results, "growth", "Memory growth of one process, less is better", "growth", {"memory": "many transfers"}
        ),
        _chart(results, "start", "Start to first answer, less is better", "start", {"start": "start"}),
    ]
    return [chart for chart in found if chart.bars]
