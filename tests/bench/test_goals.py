"""The goals are judged on the right numbers and on the right side of their bounds."""

import pytest
from bench.goals import Verdict, judge
from bench.results import Results


def _verdict(results: Results, words: str) -> Verdict:
    (found,) = (verdict for verdict in judge(results) if verdict.goal.text.startswith(words))
    return found


def test_nothing_measured_meets_nothing() -> None:
    assert {verdict.word for verdict in judge(Results())} == {"not measured"}


@pytest.mark.parametrize(("rate", "word"), [(40.0, "met"), (39.9, "missed")])
def test_upload_by_glance(rate: float, word: str) -> None:
    results = Results()
    results.add("upload-1@memory", "intaglio", {"rate": rate})
    results.add("upload-1@memory", "glance", {"rate": 10.0})
    verdict = _verdict(results, "upload, one stream, store in memory, by Glance")
    assert verdict.word == word
    assert verdict.value == pytest.approx(rate / 10)


def test_upload_is_held_against_the_slower_hash() -> None:
    results = Results()
    results.add("upload-1@disk", "intaglio", {"rate": 640.0})
    results.add("limit", "openssl", {"md5": 800.0, "sha512": 1100.0})
    assert _verdict(results, "upload, store in disk, by the slower hash").value == pytest.approx(0.8)


@pytest.mark.parametrize(("cpu", "word"), [(0.12, "met"), (0.13, "missed")])
def test_less_processor_time_is_better(cpu: float, word: str) -> None:
    results = Results()
    results.add("download-1@disk", "intaglio", {"cpu": cpu})
    results.add("download-1@disk", "nginx", {"cpu": 0.1})
    assert _verdict(results, "download, store in disk, processor time").word == word


def test_a_slower_large_catalogue_is_a_larger_number() -> None:
    results = Results()
    results.add("list@1000", "intaglio", {"requests": 150.0})
    results.add("list@100000", "intaglio", {"requests": 100.0})
    verdict = _verdict(results, "list at 100 000")
    assert (verdict.value, verdict.word) == (1.5, "missed")


def test_creating_takes_each_server_at_its_best() -> None:
    results = Results()
    for connections, ours, theirs in ((1, 100.0, 10.0), (8, 300.0, 1.0)):
        results.add(f"create-delete-{connections}@10000", "intaglio", {"requests": ours})
        results.add(f"create-delete-{connections}@10000", "glance", {"requests": theirs})
    assert _verdict(results, "create and delete").value == 30


def test_with_keystone_each_is_held_against_the_other_with_keystone() -> None:
    results = Results()
    for case, ours in (("list@10000", 1.0), ("list-keystone@10000", 300.0)):
        results.add(case, "intaglio", {"requests": ours})
        results.add(case, "glance", {"requests": 10.0})
    assert _verdict(results, "list 25 of 10 000 with Keystone").value == 30
