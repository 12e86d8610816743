"""Range headers: every edge, and no header makes a part outside the data."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.api.ranges import BadRange, SeveralRanges, requested_part

EDGES = [
    ("bytes=0-0", (0, 1)),
    ("bytes=0-9", (0, 10)),
    ("bytes=0-10", (0, 10)),
    ("bytes=0-99999999999", (0, 10)),
    ("bytes=9-", (9, 1)),
    ("bytes=-3", (7, 3)),
    ("bytes=-11", (0, 10)),
    ("bytes=10-", BadRange),
    ("bytes=5-4", BadRange),
    ("bytes=-0", BadRange),
    ("bytes=", BadRange),
    ("bytes=-", BadRange),
    ("bytes=a-b", BadRange),
    ("bytes=0-1x", BadRange),
    ("lines=0-1", BadRange),
    ("", BadRange),
    ("bytes=0-1,3-4", SeveralRanges),
]


@pytest.mark.parametrize(("header", "expected"), EDGES)
def test_edges_of_ten_bytes(header: str, expected: tuple[int, int] | type[Exception]) -> None:
    if isinstance(expected, tuple):
        part = requested_part(10, header, None)
        assert part is not None
        assert (part.start, part.length) == expected
        assert part.content_range == f"bytes {part.start}-{part.start + part.length - 1}/10"
    else:
        with pytest.raises(expected):
            requested_part(10, header, None)


def test_legacy_form() -> None:
    part = requested_part(10, None, "bytes 2-4/*")
    assert part is not None
    assert (part.start, part.length) == (2, 3)
    for wrong in ("bytes */10", "bytes=2-4", "bytes 4-2/*"):
        with pytest.raises(BadRange):
            requested_part(10, None, wrong)


def test_no_header_no_part() -> None:
    assert requested_part(10, None, None) is None


def test_nothing_of_nothing() -> None:
    for header in ("bytes=0-0", "bytes=0-", "bytes=-1"):
        with pytest.raises(BadRange) as refused:
            requested_part(0, header, None)
        assert refused.value.http_headers == {"Content-Range": "bytes */0"}


@given(st.integers(0, 2**40), st.text() | st.from_regex(r"bytes=\d{0,20}-\d{0,20}", fullmatch=True))
def test_a_part_lies_inside(size: int, header: str) -> None:
    try:
        part = requested_part(size, header, None)
    except (BadRange, SeveralRanges):
        return
    assert part is not None
    assert 0 <= part.start < part.start + part.length <= size
