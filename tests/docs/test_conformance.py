"""The published table of the conformance suite names every test there is, and no driver that is gone."""

import datetime as dt

from tests.docs.test_claims import rows
from tests.stores.conformance_table import PAGE, Score, columns, every_test, page

TEXT = PAGE.read_text(encoding="utf-8")
AGAIN = "run python -m tests.stores.conformance_table --write"


def test_every_test_has_its_row() -> None:
    named = [row[0].strip("`") for row in rows(TEXT) if row[0].startswith("`")]
    assert named == [test.removeprefix("test_") for test in every_test()], AGAIN


def test_its_drivers_exist() -> None:
    [head] = [row for row in rows(TEXT) if row[0] == "test"]
    assert len(head) > 8
    assert set(head[1:]) <= set(columns()), AGAIN


def test_nothing_failed() -> None:
    assert "FAILED" not in TEXT


def test_a_page_says_what_it_is_given() -> None:
    name, test = next(iter(columns())), every_test()[0]
    for score, word in ((Score(passed=1), "passed"), (Score(passed=2, failed=1), "FAILED (1)"), (Score(), "skipped")):
        assert f"| `{test.removeprefix('test_')}` | {word} |" in page({name: {test: score}}, dt.date(2026, 1, 1))
    missing = Score(skipped={"real part missing: Ceph"})
    assert "| not run |" in page({name: {test: missing}}, dt.date(2026, 1, 1))
