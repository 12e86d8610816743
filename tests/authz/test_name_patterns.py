"""What is said about sets of names is what `re.search` finds."""

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.authz.name_patterns import NotUnderstood, holds_no_name, names, names_beginning, names_found_by, without

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


@settings(max_examples=150, deadline=None)
@given(patterns(), st.lists(patterns(), max_size=3))
def test_comparison(wanted: str, others: list[str]) -> None:
    """Each short name is tried: a set that is said to be empty has none, and one with a name among them is not."""
    left = [name for name in SHORT if re.search(wanted, name) and not any(re.search(other, name) for other in others)]
    empty = holds_no_name(without(names_found_by(wanted), [names_found_by(other) for other in others]))
    if left:
        assert not empty, left[0]
    elif empty is False:
        longer = 7  # a name exists, so it must be one with other letters, or a longer one
        letters = ALPHABET + "c -"
        found = itertools.chain.from_iterable(itertools.product(letters, repeat=length) for length in range(longer))
        assert any(
            re.search(wanted, name) and not any(re.search(other, name) for other in others)
            for name in map("".join, found)
        )


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
    assert holds_no_name(without(names_found_by(pattern), map(names_found_by, others))) == empty


def test_fixed_names() -> None:
    assert holds_no_name(without(names(["one", "two"]), [names_found_by("^(one|two)$")]))
    assert not holds_no_name(without(names_found_by("^one"), [names(["one"])]))
    assert holds_no_name(without(names_found_by("^one.+"), [names_beginning("one")]))


@pytest.mark.parametrize(
    "pattern", ["a(?!b)", "(?<=a)b", r"(a)\1", "(?i)a", r"\bword", "x^a", "(a$)+", "a{1000}", "(?i:a)"]
)
def test_not_understood(pattern: str) -> None:
    with pytest.raises(NotUnderstood):
        names_found_by(pattern)


def test_too_large() -> None:
    with pytest.raises(NotUnderstood):
        holds_no_name(without(names_found_by("^[ab]*a[ab]{12}$"), [names_found_by("^[ab]*a[abc]{12}$")]))
