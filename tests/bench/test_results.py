"""Medians, ratios and what is printed of them."""

import io
import json
from pathlib import Path

from bench.report import markdown, rows, terminal, warnings
from bench.results import Results, load, title
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console


def _results() -> Results:
    results = Results(about={"machine": {"cores": "2"}})
    for value in (100.0, 900.0, 120.0):
        results.add("upload-1@disk", "intaglio", {"rate": value, "cpu": 3.0})
    results.add("upload-1@disk", "glance", {"rate": 30.0, "cpu": 6.0})
    results.add("limit", "openssl", {"md5": 800.0, "sha512": 1000.0})
    return results


def test_one_bad_run_does_not_move_the_median() -> None:
    assert _results().median("upload-1@disk", "intaglio", "rate") == 120


def test_a_ratio_is_of_medians() -> None:
    assert _results().ratio("rate", ("upload-1@disk", "intaglio"), ("upload-1@disk", "glance")) == 4


def test_what_was_not_measured_has_no_ratio() -> None:
    results = _results()
    assert results.ratio("rate", ("upload-1@disk", "intaglio"), ("upload-1@disk", "nginx")) is None
    results.add("upload-1@disk", "nginx", {"rate": 0.0})
    assert results.ratio("rate", ("upload-1@disk", "intaglio"), ("upload-1@disk", "nginx")) is None


def test_a_saved_result_reads_back(tmp_path: Path) -> None:
    results = _results()
    results.failures.append("show, glance: refused")
    results.save(tmp_path / "deep" / "r.json")
    assert load(tmp_path / "deep" / "r.json") == results
    medians = json.loads((tmp_path / "deep" / "r.json").read_text())["medians"]
    assert medians["upload-1@disk"]["intaglio"] == {"rate": 120, "cpu": 3}


@given(st.lists(st.floats(0.001, 1e9), min_size=1, max_size=9))
def test_the_median_lies_among_the_runs(values: list[float]) -> None:
    results = Results()
    for value in values:
        results.add("case", "server", {"rate": value})
    median = results.median("case", "server", "rate")
    assert median is not None
    assert min(values) <= median <= max(values)


def test_titles_tell_where_and_among_how_many() -> None:
    assert title("upload-1@disk") == "Upload, one stream (disk)"
    assert title("list@100000") == "List 25 images, of 100 000 images"


def test_each_metric_has_a_row_and_limits_have_none() -> None:
    found = list(rows(_results(), "intaglio"))
    assert [(row[1], row[2], row[3]) for row in found] == [
        ("rate, MB/s", {"intaglio": "120", "glance": "30"}, "4.00"),
        ("server's processor time, s/GiB", {"intaglio": "3.00", "glance": "6.00"}, "0.50"),
    ]


def test_markdown_and_terminal_show_goals_medians_and_limits() -> None:
    results = _results()
    text = markdown(results, "intaglio")
    assert "| Upload, one stream (disk) | rate, MB/s | 120 | 30 | 4.00 |" in text
    assert "MD5 on one core 800 MB/s" in text
    assert "To be minded" not in text
    out = io.StringIO()
    terminal(results, "intaglio", Console(file=out, width=200))
    assert "Upload, one stream (disk)" in out.getvalue()
    assert "not measured" in out.getvalue()


def test_a_busy_generator_and_failed_requests_are_told() -> None:
    results = _results()
    results.add("show@10000", "intaglio", {"generator": 0.97, "failed": 0.0})
    results.add("show@10000", "glance", {"generator": 0.2, "failed": 12.5})
    told = warnings(results)
    assert len(told) == 2
    assert "intaglio: the load generator was busy 97%" in told[0]
    assert "glance: 12.5 % failed" in told[1]
    assert "## To be minded" in markdown(results, "intaglio")
