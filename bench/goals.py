"""The goals the project set itself, judged on one run. Each is a ratio within the run or a number on this machine."""

import dataclasses
from collections.abc import Callable
from typing import Literal

from bench.results import Results
from bench.signing import PLAIN, SIGNED

OURS = "intaglio"
TIMES = "×"  # noqa: RUF001 - the sign that is meant


@dataclasses.dataclass(frozen=True)
class Goal:
    """`measure` gives the number, or None when its cases did not run; `side` is the good side of `bound`."""

    text: str
    side: Literal["≥", "≤"]
    bound: float
    unit: str
    measure: Callable[[Results, str], float | None]

    def met(self, value: float) -> bool:
        return value >= self.bound if self.side == "≥" else value <= self.bound


def _against(metric: str, case: str, other: str) -> Callable[[Results, str], float | None]:
    return lambda results, ours: results.ratio(metric, (case, ours), (case, other))


def _plain(metric: str, case: str) -> Callable[[Results, str], float | None]:
    return lambda results, ours: results.median(case, ours, metric)


def _of_slower_hash(case: str) -> Callable[[Results, str], float | None]:
    def measure(results: Results, ours: str) -> float | None:
        rate = results.median(case, ours, "rate")
        hashes = [results.median("limit", "openssl", name) for name in ("md5", "sha512")]
        known = [value for value in hashes if value]
        return rate / min(known) if rate is not None and known else None

    return measure


def _creating(results: Results, ours: str) -> float | None:
    """Created and deleted a second, each server with the number of connections that suits it best."""
    best = {}
    for server in (ours, "glance"):
        rates = [results.median(f"create-delete-{many}@10000", server, "requests") for many in (1, 8)]
        best[server] = max((rate for rate in rates if rate is not None), default=None)
    mine, theirs = best[ours], best["glance"]
    return mine / theirs if mine is not None and theirs else None


def _signed(results: Results, ours: str) -> float | None:
    return results.ratio("rate", (PLAIN, ours), (SIGNED, ours))


def _growing(small: str, large: str) -> Callable[[Results, str], float | None]:
    """How many times longer a page takes in the large catalogue: the inverse of the rates."""
    return lambda results, ours: results.ratio("requests", (small, ours), (large, ours))


def goals() -> list[Goal]:
    found = []
    for place in ("memory", "disk"):
        up, down = f"upload-1@{place}", f"download-1@{place}"
        found += [
            Goal(f"upload, one stream, store in {place}, by Glance", "≥", 4, TIMES, _against("rate", up, "glance")),
            Goal(f"upload, store in {place}, by the slower hash alone", "≥", 0.8, TIMES, _of_slower_hash(up)),
            Goal(f"upload, store in {place}, processor time", "≤", 2.8, " s/GiB", _plain("cpu", up)),
            Goal(f"download, store in {place}, by nginx", "≥", 0.9, TIMES, _against("rate", down, "nginx")),
            Goal(
                f"download, store in {place}, processor time by nginx", "≤", 1.2, TIMES, _against("cpu", down, "nginx")
            ),
        ]
    for case, what in (("import-raw", "import raw data"), ("import-convert", "import and convert")):
        found += [
            Goal(f"{what}, wall clock by Glance's", "≤", 0.6, TIMES, _against("elapsed", case, "glance")),
            Goal(f"{what}, bytes written by Glance's", "≤", 0.5, TIMES, _against("written", case, "glance")),
        ]
    return [
        *found,
        Goal("show, by Glance", "≥", 20, TIMES, _against("requests", "show@10000", "glance")),
        Goal("list 25 of 10 000, by Glance", "≥", 25, TIMES, _against("requests", "list@10000", "glance")),
        Goal("show with Keystone, by Glance", "≥", 20, TIMES, _against("requests", "show-keystone@10000", "glance")),
        Goal(
            "list 25 of 10 000 with Keystone, by Glance",
            "≥",
            25,
            TIMES,
            _against("requests", "list-keystone@10000", "glance"),
        ),
        Goal("upload of a signed image, time by that of an unsigned one", "≤", 1.1, TIMES, _signed),
        Goal("create and delete, by Glance", "≥", 10, TIMES, _creating),
        Goal("list at 100 000 images, time by that at 1 000", "≤", 1.2, TIMES, _growing("list@1000", "list@100000")),
        Goal("memory, growth of any process", "≤", 64, " MiB", _plain("growth", "memory")),
        Goal("second start to first answer", "≤", 1.5, " s", _plain("start", "start")),
    ]


@dataclasses.dataclass(frozen=True)
class Verdict:
    goal: Goal
    value: float | None

    @property
    def word(self) -> str:
        if self.value is None:
            return "not measured"
        return "met" if self.goal.met(self.value) else "missed"

    @property
    def bound(self) -> str:
        return f"{self.goal.side} {self.goal.bound:g}{self.goal.unit}"

    @property
    def measured(self) -> str:
        return "-" if self.value is None else f"{self.value:.2f}{self.goal.unit}"


def judge(results: Results, ours: str = OURS) -> list[Verdict]:
    return [Verdict(goal, goal.measure(results, ours)) for goal in goals()]
