"""What a search looks for, in the terms of each database's full-text index and of our own comparison of words."""

from typing import Any

import msgspec

from intaglio.db.repos.image_shapes import Sieve
from intaglio.domain.query import ImageQuery
from intaglio.domain.search import Phrase, found, needle, ranks


class Terms(msgspec.Struct, frozen=True):
    """A search. `ranks` are numbers of `marks`: each rank looks in the fields of so many of the first ones."""

    phrases: tuple[Phrase, ...]
    marks: tuple[str, ...]
    ranks: tuple[int, ...]
    values: dict[str, Any]  # of the parameters

    @property
    def anywhere(self) -> Sieve:
        """All images that are found."""
        return Sieve("words", count=len(self.phrases), marks=self.ranks[-1])

    @property
    def by_rank(self) -> list[Sieve]:
        """The images of each rank, best first."""
        before = (0, *self.ranks)
        return [
            Sieve("words", count=len(self.phrases), marks=marks, better=better)
            for marks, better in zip(self.ranks, before, strict=False)
        ]

    def rank(self, words: str | None) -> int:
        """Which rank an image with these words has; the last one also when it is not found any more."""
        for place, marks in enumerate(self.ranks):
            if words is not None and found(words, self.phrases, self.marks[:marks]):
                return place
        return len(self.ranks) - 1


def terms_of(dialect: str, query: ImageQuery) -> Terms:
    """The terms of the query's phrases."""
    fields = ranks(query.readable)
    marks, sizes = fields[-1], tuple(dict.fromkeys(len(each) for each in fields))
    values: dict[str, Any] = {f"match_{size}": _match(dialect, query.phrases, marks[:size]) for size in sizes}
    for p, phrase in enumerate(query.phrases):
        values |= {f"needle_{p}_{m}": needle(phrase, mark) for m, mark in enumerate(marks)}
    return Terms(query.phrases, marks, sizes, values)


def _match(dialect: str, phrases: tuple[Phrase, ...], marks: tuple[str, ...]) -> str:
    """Every phrase, with all its words in one of the fields. Words are ASCII letters and digits: nothing is quoted."""
    groups = [[_together(dialect, phrase, mark) for mark in marks] for phrase in phrases]
    if dialect == "mysql":
        return " ".join(f"+({' '.join(group)})" for group in groups)
    either, both = (" OR ", " AND ") if dialect == "sqlite" else (" | ", " & ")
    return both.join(f"({either.join(group)})" for group in groups)


def _together(dialect: str, phrase: Phrase, mark: str) -> str:
    ending = ":*" if dialect == "postgresql" else "*"
    words = [mark + word for word in phrase.words]
    if phrase.prefix:
        words[-1] += ending
    if dialect == "mysql":
        return f"(+{' +'.join(words)})" if len(words) > 1 else words[0]
    both = " AND " if dialect == "sqlite" else " & "
    return f"({both.join(words)})"
