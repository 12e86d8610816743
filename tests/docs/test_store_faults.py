"""The table of faults is the one in bootstrap/store_faults.py, and each of its rows is shown by a test that exists."""

from intaglio.bootstrap.store_faults import ROWS, page
from tests.docs.test_claims import absent
from tests.house.tree import ROOT


def test_the_page_is_the_table() -> None:
    text = (ROOT / "docs" / "reference" / "store-faults.md").read_text(encoding="utf-8")
    assert text == page(), "docs/reference/store-faults.md is stale: run make docs"


def test_every_row_has_its_test() -> None:
    assert absent([row.test for row in ROWS]) == []


def test_no_row_says_the_same_twice() -> None:
    rows = [(row.fault, row.store) for row in ROWS]
    assert len(set(rows)) == len(rows)
