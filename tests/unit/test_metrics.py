"""Counting together: nothing is lost between processes, nor when one dies; and the text is Prometheus' own."""

import multiprocessing
import os
import signal
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from intaglio.base.metrics import ROWS, Counts, Family, lines, product

FAMILIES = (
    Family("calls_total", "Calls.", ("kind", "store"), product(("a", "b"), ("one", "two"))),
    Family("all_total", "All."),
)


def _count(file: Path, times: int, die: bool) -> None:
    counts = Counts(FAMILIES)
    counts.share(file)
    place = counts.place("calls_total", "a", "one")
    for _ in range(times):
        counts.add(place)
    if die:
        os.kill(os.getpid(), signal.SIGKILL)
    counts.close()


def test_processes_add_up_and_the_dead_are_counted(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=_count, args=(tmp_path / "metrics", 2000, number % 2 == 0)) for number in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    counts = Counts(FAMILIES)
    place = counts.place("calls_total", "a", "one")
    counts.add(place, 3)
    counts.share(tmp_path / "metrics")
    assert counts.total(place) == 3 * 2000 + 3, "what was counted before is kept, too"
    assert counts.total(counts.place("all_total")) == 0
    counts.close()
    counts.add(place)
    assert counts.total(place) == 1


def test_rows_are_used_again(tmp_path: Path) -> None:
    """However often processes are replaced."""
    for _ in range(ROWS + 10):
        counts = Counts(FAMILIES)
        counts.share(tmp_path / "metrics")
        counts.add(counts.place("all_total"))
        total = counts.total(counts.place("all_total"))
        counts.close()
    assert total == ROWS + 10


def test_other_series_begin_anew(tmp_path: Path) -> None:
    """After a change of the stores; who counts by the old list goes on with that."""
    before = Counts(FAMILIES)
    before.share(tmp_path / "metrics")
    before.add(before.place("all_total"), 5)
    after = Counts(FAMILIES[1:])
    after.share(tmp_path / "metrics")
    after.add(after.place("all_total"))
    before.add(before.place("all_total"))
    assert (before.total(before.place("all_total")), after.total(after.place("all_total"))) == (6, 1)
    before.close()
    after.close()


def test_where_no_file_can_be_one_counts_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    counts = Counts(FAMILIES)
    counts.share(tmp_path / "missing" / "metrics")
    counts.add(counts.place("all_total"))
    assert counts.total(counts.place("all_total")) == 1
    assert "alone" in caplog.text


def test_an_unknown_series_is_a_defect() -> None:
    with pytest.raises(KeyError):
        Counts(FAMILIES).place("calls_total", "a", "three")


def test_counting_makes_nothing(tmp_path: Path) -> None:
    """A request costs no memory, and no call of the system: the file is mapped."""
    counts = Counts(FAMILIES)
    counts.share(tmp_path / "metrics")
    place = counts.place("all_total")
    counts.add(place)
    tracemalloc.start()
    try:
        for _ in range(10_000):
            counts.add(place)
        assert tracemalloc.get_traced_memory()[0] < 2000
    finally:
        tracemalloc.stop()
        counts.close()


@given(st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_any_label_and_number_comes_back(values: dict[str, float]) -> None:
    family = Family("size_bytes", "Size, of whatever.", ("store",))
    text = "".join(lines(family, "gauge", {(label,): value for label, value in values.items()}))
    [found] = text_string_to_metric_families(text)
    assert {sample.labels["store"]: sample.value for sample in found.samples} == values
