"""What is said about sets of names is what `re.search` finds."""

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.authz.name_patterns import NotUnderstood, name_in, names, names_beginning, names_found_by, without

ALPHABET = "ab_"
SHORT = ["".join(letters) for length in range(6) for letters in itertools.product(ALPHABET, repeat=length)]


def atoms() -> st.SearchStrategy[str]:
    return st.sampled_from(["a", "b", "_", ".", "[ab]", "[^a]", r"\w", r"\W", "ab", "[a-b_]", r"[^\w]"])


def patterns() -> st.SearchStrategy[str]:
    inner = st.recursive(
        atoms(),
        lambda some: st.one_of(
            st.tuples(some, some).map("".join),
            st.tuples(some, some).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
            st.tuples(some, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "*?", "{0}", "{2,}"])).map(
                lambda pair: f"({pair[0]}){pair[1]}"
            ),
        ),
        max_leaves=5,
    )
    return st.tuples(st.sampled_from(["", "^", r"\A"]), inner, st.sampled_from(["", "$", r"\Z"])).map("".join)


def is_in(name: str, wanted: str, others: list[str]) -> bool:
    return bool(re.search(wanted, name)) and not any(re.search(other, name) for other in others)


@settings(max_examples=150, deadline=None)
@given(patterns(), st.lists(patterns(), max_size=3))
def test_comparison(wanted: str, others: list[str]) -> None:
    """The name that is said to be in the set is; and when none is said to be, none of the short ones is."""
    found = name_in(without(names_found_by(wanted), [names_found_by(other) for other in others]))
    if found is None:
        assert [name for name in SHORT if is_in(name, wanted, others)] == []
    else:
        assert is_in(found, wanted, others), found
        assert not any(is_in(name, wanted, others) for name in SHORT if len(name) < len(found))


@pytest.mark.parametrize(
    ("pattern", "others", "empty"),
    [
        (r"^\d+$", [r"^\w"], True),
        (r"^\w", [r"^\d", r"^[^\d]"], True),
        (r"^\S$", [r"^\s$"], False),
        (r"^[\s\S]$", [r"^\s$", r"^\S$"], True),
        ("^é$", ["^[à-ü]$"], True),
        ("^x{2,4}$", ["^xx$", "^x{3}$", "^xxxx$"], True),
        ("^x{2,5}$", ["^xx$", "^x{3}$", "^xxxx$"], False),
        ("(^|_)disk", ["disk"], True),
        ("disk", ["(^|_)disk"], False),
        ("^$", [".+"], False),
        ("^$", [".*"], True),
        ("^(os|hw)_", ["^os_", "^hw_"], True),
    ],
)
def test_comparison_of_these(pattern: str, others: list[str], empty: bool) -> None:
    assert (name_in(without(names_found_by(pattern), map(names_found_by, others))) is None) == empty


def test_fixed_names() -> None:
    assert name_in(without(names(["one", "two"]), [names_found_by("^(one|two)$")])) is None
    assert name_in(without(names_found_by("^one"), [names(["one"])])) not in {"one", None}
    assert name_in(without(names_found_by("^one.+"), [names_beginning("one")])) is None


@pytest.mark.parametrize(
    "pattern", ["a(?!b)", "(?<=a)b", r"(a)\1", "(?i)a", r"\bword", "x^a", "(a$)+", "a{1000}", "(?i:a)"]
)
def test_not_understood(pattern: str) -> None:
    with pytest.raises(NotUnderstood):
        names_found_by(pattern)


def test_too_large() -> None:
    with pytest.raises(NotUnderstood):
        name_in(without(names_found_by("^[ab]*a[ab]{12}$"), [names_found_by("^[ab]*a[abc]{12}$")]))
