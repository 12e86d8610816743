"""How the text of a value becomes a typed one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.bootstrap.options.model import Kind, used
from intaglio.bootstrap.values import parse, shown


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind.BOOLEAN, "Yes", True),
        (Kind.BOOLEAN, "0", False),
        (Kind.INTEGER, " -1 ", -1),
        (Kind.NUMBER, "1e3", 1000.0),
        (Kind.OCTAL, "0640", 0o640),
        (Kind.OCTAL, "640", 0o640),
        (Kind.OCTAL, "0o640", 0o640),
        (Kind.SIZE, "0", 0),
        (Kind.SIZE, "512", 512),
        (Kind.SIZE, "512B", 512),
        (Kind.SIZE, "1KB", 1 << 10),
        (Kind.SIZE, "2TB", 2 << 40),
        (Kind.LIST, "a, b", ("a", "b")),
        (Kind.LIST, "[a,b]", ("a", "b")),
        (Kind.LIST, "['a', \"b\"]", ("a", "b")),
        (Kind.LIST, "[]", ()),
        (Kind.LIST, "", ()),
        (Kind.INTEGERS, "[80,443]", (80, 443)),
        (Kind.MAP, "a:b, c:d:e", (("a", "b"), ("c", "d:e"))),
        (Kind.MAP, '"a":"b"', (("a", "b"),)),
        (Kind.MAP, "", ()),
    ],
)
def test_what_is_read(kind: Kind, text: str, value: object) -> None:
    assert parse(used("x", kind, None, ""), text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Kind.BOOLEAN, "2"),
        (Kind.BOOLEAN, ""),
        (Kind.INTEGER, "1.5"),
        (Kind.INTEGER, "\uff11"),
        (Kind.INTEGER, ""),
        (Kind.NUMBER, "inf"),
        (Kind.OCTAL, "9"),
        (Kind.SIZE, "1 KB"),
        (Kind.SIZE, "1kb"),
        (Kind.SIZE, "1KiB"),
        (Kind.LIST, "a,b]"),
        (Kind.INTEGERS, "[80,http]"),
        (Kind.MAP, "a:"),
        (Kind.MAP, "a"),
    ],
)
def test_what_is_refused(kind: Kind, text: str) -> None:
    with pytest.raises(ValueError, match=r"^$"):
        parse(used("x", kind, None, ""), text)


@given(st.lists(st.text(alphabet="abc-_.09", min_size=1), max_size=5).map(tuple))
def test_a_list_that_is_shown_can_be_read(items: tuple[str, ...]) -> None:
    option = used("x", Kind.LIST, (), "")
    assert parse(option, shown(option, items)) == items
    assert parse(option, f"[{shown(option, items)}]") == items


@given(st.integers(min_value=0, max_value=0o77777))
def test_permissions_that_are_shown_can_be_read(mode: int) -> None:
    option = used("x", Kind.OCTAL, 0, "")
    assert parse(option, shown(option, mode)) == mode
