"""What a search looks for, in the terms of each database's full-text index and of our own comparison of words."""

from typing import Any

import msgspec

from intaglio.db.repos.image_shapes import Sieve
from intaglio.domain.query import ImageQuery
from intaglio.domain.search import Phrase, found, needle, ranks


class Terms(msgspec.Struct, frozen=True):
    """One rank of a search: the sieve, the values of its parameters, and what they were made of.

    `better` are the fields of the rank before, which has those images that are found in them alone.
    """

    phrases: tuple[Phrase, ...]
    marks: tuple[str, ...]
    better: tuple[str, ...]
    values: dict[str, Any]

    @property
    def sieve(self) -> Sieve:
        return Sieve("words", count=len(self.phrases), marks=len(self.marks), better=len(self.better))

    def found_in(self, words: str) -> bool:
        """Whether an image with these words has this rank."""
        best = bool(self.better) and found(words, self.phrases, self.better)
        return not best and found(words, self.phrases, self.marks)


def terms_of(dialect: str, query: ImageQuery) -> list[Terms]:
    """The terms of each rank, best first; or of the one that looks in every field, for an order that was asked for."""
    fields = list(dict.fromkeys(ranks(query.readable)))
    if not query.ranked:
        return [_terms(dialect, query.phrases, fields[-1], ())]
    before = [(), *fields]
    return [_terms(dialect, query.phrases, marks, better) for marks, better in zip(fields, before, strict=False)]


def _terms(dialect: str, phrases: tuple[Phrase, ...], marks: tuple[str, ...], better: tuple[str, ...]) -> Terms:
    values: dict[str, Any] = {"match": _match(dialect, phrases, marks)}
    for name, fields in (("needle", marks), ("better", better)):
        for p, phrase in enumerate(phrases):
            values |= {f"{name}_{p}_{m}": needle(phrase, mark) for m, mark in enumerate(fields)}
    return Terms(phrases, marks, better, values)


def _match(dialect: str, phrases: tuple[Phrase, ...], marks: tuple[str, ...]) -> str:
    """Every word of every phrase, each in any of the fields. Words are ASCII letters and digits: nothing is quoted."""
    ending = ":*" if dialect == "postgresql" else "*"
    either = {"sqlite": " OR ", "postgresql": " | ", "mysql": " "}[dialect]
    both = {"sqlite": " AND ", "postgresql": " & ", "mysql": " "}[dialect]
    wanted: dict[str, None] = {}
    for phrase in phrases:
        for place, word in enumerate(phrase.words):
            longer = phrase.prefix and place == len(phrase.words) - 1
            wanted[either.join(f"{mark}{word}{ending if longer else ''}" for mark in marks)] = None
    return both.join(f"{'+' if dialect == 'mysql' else ''}({group})" for group in wanted)
