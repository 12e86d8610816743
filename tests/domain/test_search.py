"""Words out of any text, the phrases of a search, and the documents they are looked for in."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.domain.search import (
    IMAGE_WORDS,
    InvalidSearch,
    Phrase,
    document,
    found,
    needle,
    ranks,
    read_search,
    words,
)
from tests.db.samples import new_image


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Ubuntu-22.04_LTS", "ubuntu 22 04 lts"),
        ("Straße", "STRASSE"),
        ("naïve café", "naive cafe"),
        ("\u212b", "å"),
        ("\uff21\uff22\uff23", "abc"),
        ("İstanbul", "istanbul"),
        ("虛擬機", "虛 擬 機"),
        ("Ελλάδα", "ελλαδα"),
        ("a😀b", "a b"),
        ("", "\x00 \t.;'\"%*"),
    ],
)
def test_texts_with_the_same_words(text: str, same: str) -> None:
    assert words(text) == words(same)


@given(st.text())
def test_a_word_is_ascii_that_no_database_cuts(text: str) -> None:
    for word in words(text):
        assert word.isascii()
        assert word.isalnum()
        assert word == word.lower()
        assert len(word) <= 70


letters = st.text(st.characters(categories=["Lu", "Ll", "Lo", "Nd"]), min_size=1, max_size=8)


@given(letters, letters)
def test_a_longer_word_begins_with_the_shorter_ones_code(first: str, more: str) -> None:
    whole, part = words(first + more), words(first)
    if len(whole) == len(part) == 1:
        assert whole[0].startswith(part[0])


def test_words_are_told_apart() -> None:
    """Also those whose letters look like the code of another."""
    texts = ["z", "zz", "z0001", "ź1", "ж", "z00u4", "zé", "ze"]
    assert len({tuple(words(text)) for text in texts}) == len(texts) - 1  # accents alone make no other word


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("debian", [("debian", True)]),
        ("debian  debian", [("debian", True)]),
        ('"debian" debian', [("debian", False), ("debian", True)]),
        ('a"b c"d', [("a", True), ("b c", False), ("d", True)]),
        ('"one two', [("one two", False)]),
        ("22.04", [("22 04", True)]),
        ('"" x ""', [("x", True)]),
    ],
)
def test_phrases(text: str, phrases: list[tuple[str, bool]]) -> None:
    assert read_search(text) == tuple(Phrase(tuple(words.split()), prefix) for words, prefix in phrases)


@given(st.text(max_size=600))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        phrases = read_search(text)
    except InvalidSearch:
        return
    assert all(phrase.words for phrase in phrases)


def test_a_document_keeps_fields_apart() -> None:
    image = new_image(name="cloud image", tags=("b", "a"), properties={"x": "image server", "os_glance_y": "secret"})
    text = document(image)
    everything = ranks(None)[-1]
    assert found(text, read_search('"cloud image"'), everything)
    assert found(text, read_search('"image server"'), everything)
    assert not found(text, read_search('"image image"'), everything)
    assert not found(text, read_search('"a b"'), everything)
    assert not found(text, read_search("secret"), everything)
    assert not found(text, read_search("server"), ranks(())[-1])
    assert found(text, read_search("server"), ranks(("x", "other"))[-1])
    assert not found(text, read_search("server"), ranks(("other",))[-1])


def test_each_rank_looks_where_the_one_before_does() -> None:
    for readable in (None, (), ("description",), ("a", "description", "b"), ("a",)):
        fields = ranks(readable)
        assert len(fields) == 4
        for before, after in itertools.pairwise(fields):
            assert after[: len(before)] == before


def test_a_document_is_bounded() -> None:
    text = document(new_image(name="n", properties={f"p{n}": "word " * 100 for n in range(100)}))
    assert len(text.split()) <= 2 * IMAGE_WORDS + 1


def test_a_needle_is_taken_literally() -> None:
    assert needle(Phrase(("a", "b"), prefix=True), "qa") == " qaa qab"
    assert needle(Phrase(("a",), prefix=False), "qb") == " qba "
