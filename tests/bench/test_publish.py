"""The page and its charts come from the data alone."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from bench.charts import Chart, charts, draw
from bench.goals import OURS
from bench.publish import DATA, PAGE, page, publish
from bench.results import Results, load
from tests.starters.base import ROOT

REFERENCE = ROOT / "docs" / "reference"


def _results() -> Results:
    results = Results()
    for case in ("upload-1@disk", "download-8@memory"):
        for server, rate in (("intaglio", 600.0), ("glance", 150.0)):
            results.add(case, server, {"rate": rate, "cpu": 1.5})
    return results


def test_a_chart_is_one_bar_a_number_and_the_longest_is_the_largest() -> None:
    drawing = ET.fromstring(draw(Chart("c", "Rates <MB/s>", [("a", "glance", 50.0), ("a", "intaglio", 200.0)])))  # noqa: S314 - our own
    bars = drawing.findall("{http://www.w3.org/2000/svg}rect")
    assert float(bars[1].attrib["width"]) == pytest.approx(4 * float(bars[0].attrib["width"]), rel=0.01)


def test_only_what_was_measured_is_drawn() -> None:
    assert [chart.name for chart in charts(_results())] == ["upload", "download", "processor"]


def test_publishing_writes_every_picture_that_the_page_shows(tmp_path: Path) -> None:
    _results().save(tmp_path / "result.json")
    publish([tmp_path / "result.json"], tmp_path / "reference", OURS)
    text = (tmp_path / "reference" / PAGE).read_text()
    shown = re.findall(r"\]\((benchmarks/[^)]*)\)", text)
    assert len(shown) == 3
    assert all((tmp_path / "reference" / picture).exists() for picture in shown)
    assert load(tmp_path / "reference" / DATA) == _results()


def test_a_case_measured_later_comes_whole_and_says_so(tmp_path: Path) -> None:
    _results().save(tmp_path / "result.json")
    later = Results(about={"run": {"date": "another day"}}, failures=["a stumble"])
    later.add("upload-1@disk", "intaglio", {"rate": 700.0})
    later.add("start", "intaglio", {"start": 1.0})
    later.save(tmp_path / "later.json")
    publish([tmp_path / "result.json", tmp_path / "later.json"], tmp_path / "reference", OURS)
    found = load(tmp_path / "reference" / DATA)
    assert found.runs["upload-1@disk"] == {"intaglio": {"rate": [700.0]}}  # not beside a Glance of another day
    assert found.runs.keys() == {"upload-1@disk", "download-8@memory", "start"}
    assert (found.failures, found.about["later run 1"]["cases"]) == (["a stumble"], "upload-1@disk, start")
    assert "another day" in (tmp_path / "reference" / PAGE).read_text()


@pytest.mark.skipif(not (REFERENCE / DATA).exists(), reason="no result has been published yet")
def test_the_published_page_is_what_its_data_gives() -> None:
    assert (REFERENCE / PAGE).read_text() == page(load(REFERENCE / DATA), OURS)
