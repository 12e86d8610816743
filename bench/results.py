"""What was measured: every run of every case, the medians, and the ratios between servers. Saved as JSON."""

import dataclasses
import json
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any


@dataclasses.dataclass(frozen=True)
class Metric:
    key: str
    title: str
    unit: str
    digits: int
    more_is_better: bool


METRICS = {
    metric.key: metric
    for metric in (
        Metric("rate", "rate", "MB/s", 0, more_is_better=True),
        Metric("cpu", "server's processor time", "s/GiB", 2, more_is_better=False),
        Metric("client_cpu", "client's processor time", "s/GiB", 2, more_is_better=False),
        Metric("requests", "requests", "1/s", 1, more_is_better=True),
        Metric("p50", "median latency", "ms", 2, more_is_better=False),
        Metric("p99", "99th percentile", "ms", 2, more_is_better=False),
        Metric("request_cpu", "server's processor time", "ms/request", 2, more_is_better=False),
        Metric("generator", "load generator busy", "of one core", 2, more_is_better=False),
        Metric("failed", "failed", "%", 1, more_is_better=False),
        Metric("start", "start to first answer", "s", 2, more_is_better=False),
        Metric("idle", "resident, idle, all processes", "MiB", 0, more_is_better=False),
        Metric("growth", "growth of the process that grew most", "MiB", 0, more_is_better=False),
        Metric("peak", "resident at most, all processes", "MiB", 0, more_is_better=False),
        Metric("elapsed", "wall clock", "s", 1, more_is_better=False),
        Metric("spent", "server's processor time", "s", 1, more_is_better=False),
        Metric("written", "written to files", "MiB", 0, more_is_better=False),
        Metric("disk", "disk space at most", "MiB", 0, more_is_better=False),
        Metric("md5", "MD5", "MB/s", 0, more_is_better=True),
        Metric("sha512", "SHA-512", "MB/s", 0, more_is_better=True),
    )
}

TITLES = {
    "upload-1": "Upload, one stream",
    "upload-4": "Upload, four streams",
    "upload-unsigned": "Upload of an unsigned image, beside signed ones",
    "upload-signed": "Upload of a signed image (RSA-PSS, SHA-256)",
    "download-1": "Download, one stream",
    "download-8": "Download, eight streams",
    "ranges": "Random ranges of 1 MiB, eight connections",
    "show": "Show one image",
    "list": "List 25 images",
    "filter": "List 25 by a property",
    "show-keystone": "Show one image, by a token of Keystone",
    "list-keystone": "List 25 images, by a token of Keystone",
    "create-delete-1": "Create and delete, one connection",
    "create-delete-8": "Create and delete, eight connections",
    "import-raw": "Import raw data from a URL",
    "import-convert": "Import a packed qcow2 from a URL, converted to raw",
    "memory": "Memory under many transfers at once",
    "start": "Start",
}


def title(case: str) -> str:
    """`upload-1@disk`, `list@10000`: what was done, and where or among how many."""
    name, _, where = case.partition("@")
    text = TITLES.get(name, name)
    if where.isdigit():
        return f"{text}, of {int(where):_} images".replace("_", " ")
    return f"{text} ({where})" if where else text


Runs = dict[str, dict[str, dict[str, list[float]]]]


@dataclasses.dataclass
class Results:
    """`runs[case][server][metric]` are the values in the order they were measured; `failures` are void measurements."""

    about: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)
    runs: Runs = dataclasses.field(default_factory=dict)
    failures: list[str] = dataclasses.field(default_factory=list)

    def add(self, case: str, server: str, values: Mapping[str, float]) -> None:
        metrics = self.runs.setdefault(case, {}).setdefault(server, {})
        for key, value in values.items():
            metrics.setdefault(key, []).append(value)

    def extend(self, later: "Results") -> None:
        """Take each case that another run measured whole, of all its servers; and say so."""
        self.runs |= later.runs
        self.failures += later.failures
        number = 1 + sum(name.startswith("later run") for name in self.about)
        self.about[f"later run {number}"] = {**later.about.get("run", {}), "cases": ", ".join(later.runs)}

    def median(self, case: str, server: str, metric: str) -> float | None:
        """The median of all runs; None when there was none."""
        values = self.runs.get(case, {}).get(server, {}).get(metric)
        return statistics.median(values) if values else None

    def ratio(self, metric: str, over: tuple[str, str], under: tuple[str, str]) -> float | None:
        """One median by another, each named by (case, server); None when one is missing or the divisor is zero."""
        above, below = self.median(*over, metric), self.median(*under, metric)
        return above / below if above is not None and below else None

    def to_json(self) -> str:
        medians = {
            case: {
                server: {key: round(statistics.median(values), 4) for key, values in metrics.items()}
                for server, metrics in servers.items()
            }
            for case, servers in self.runs.items()
        }
        document = {"about": self.about, "medians": medians, "runs": _rounded(self.runs), "failures": self.failures}
        return json.dumps(document, indent=1) + "\n"

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.to_json())


def _rounded(runs: Runs) -> dict[str, Any]:
    return {
        case: {
            server: {key: [round(value, 4) for value in values] for key, values in metrics.items()}
            for server, metrics in servers.items()
        }
        for case, servers in runs.items()
    }


def load(path: Path) -> Results:
    document = json.loads(path.read_text())
    return Results(document["about"], document["runs"], document["failures"])
