"""The names that a regular expression can be found in, as a set that can be compared with others.

It answers one question: is there a name (of one line) that one expression is found in and none of the others? The sets
are regular languages, and emptiness is decided by Brzozowski's derivatives, which have intersection and complement
built in. (The libraries that turn expressions into automata do not know `^` and `$`.) Python's own parser reads the
expressions. Those with look-aheads, back-references and the like are not understood.
"""

import re
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from functools import lru_cache, reduce
from re import _constants, _parser  # type: ignore[attr-defined,unused-ignore]  # the parser that `re.compile` uses
from typing import Any, Literal

import msgspec

_LAST = 0xFFFF  # of the characters that names consist of
_BEGIN = _LAST + 1  # a word is a name between these two, so that ^ and $ are characters like others
_END = _LAST + 2
_STATES = 2000  # gives up beyond: an operator's file is small
_COPIES = 300  # of what is repeated {m,n} times

Range = tuple[int, int]


class NotUnderstood(Exception):
    """The expression has a part that this module does not reason about, or is too large for it."""


class Language(msgspec.Struct, frozen=True, cache_hash=True):
    """A set of words, as the expression it is made of. Made by the functions below only, which keep it small."""

    kind: Literal["none", "empty", "one of", "then", "many", "any", "all", "not"]
    parts: Any = ()
    nullable: bool = False


NONE = Language("none")
EMPTY = Language("empty", nullable=True)  # the empty word
ALL = Language("not", (NONE,), nullable=True)


def _one_of(ranges: Iterable[Range]) -> Language:
    merged: list[Range] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return Language("one of", tuple(merged)) if merged else NONE


def _not_of(ranges: Sequence[Range]) -> list[Range]:
    found, next_low = [], 0
    for low, high in sorted(ranges):
        if low > next_low:
            found.append((next_low, low - 1))
        next_low = max(next_low, high + 1)
    return [*found, (next_low, _LAST)] if next_low <= _LAST else found


def _then(first: Language, second: Language) -> Language:
    if NONE in {first, second}:
        return NONE
    if first == EMPTY:
        return second
    if second == EMPTY or (first == ALL and second.nullable) or (second == ALL and first.nullable):
        return ALL if ALL in {first, second} else first
    if first.kind == "then":
        return _then(first.parts[0], _then(first.parts[1], second))
    return Language("then", (first, second), first.nullable and second.nullable)


def _many(one: Language) -> Language:
    if one in {NONE, EMPTY}:
        return EMPTY
    return one if one.kind == "many" or one == ALL else Language("many", (one,), nullable=True)


def any_of(languages: Iterable[Language]) -> Language:
    """The words that are in at least one of them."""
    parts: set[Language] = set()
    for language in languages:
        parts |= language.parts if language.kind == "any" else {language}
    parts.discard(NONE)
    if ALL in parts:
        return ALL
    if len(parts) <= 1:
        return next(iter(parts), NONE)
    return Language("any", frozenset(parts), any(part.nullable for part in parts))


def all_of(languages: Iterable[Language]) -> Language:
    """The words that are in each of them."""
    parts: set[Language] = set()
    for language in languages:
        parts |= language.parts if language.kind == "all" else {language}
    parts.discard(ALL)
    if NONE in parts:
        return NONE
    if len(parts) <= 1:
        return next(iter(parts), ALL)
    return Language("all", frozenset(parts), all(part.nullable for part in parts))


def without(language: Language, others: Iterable[Language]) -> Language:
    """The words of `language` that are in none of the others."""
    union = any_of(others)
    outside = union.parts[0] if union.kind == "not" else Language("not", (union,), not union.nullable)
    return all_of((language, outside))


_begin, _end = _one_of([(_BEGIN, _BEGIN)]), _one_of([(_END, _END)])
# every name in one line; the languages below hold other words, too
NAMES = _then(_begin, _then(_many(_one_of(_not_of([(10, 10)]))), _end))


def names(wanted: Iterable[str]) -> Language:
    """These names."""
    return any_of(_then(_begin, _then(_text(name), _end)) for name in wanted)


def names_beginning(prefix: str) -> Language:
    """Every name that begins so."""
    return _then(_begin, _then(_text(prefix), ALL))


def names_found_by(pattern: str) -> Language:
    """The names that the expression is found in. Raises `NotUnderstood`."""
    tree = _parser.parse(pattern)
    if tree.state.flags & ~re.UNICODE:
        raise NotUnderstood("flags")
    return _then(ALL, _then(_sequence(tree, first=True, last=True), ALL))


def _text(text: str) -> Language:
    return reduce(_then, (_one_of([(ord(letter), ord(letter))]) for letter in text), EMPTY)


def _sequence(items: Sequence[Any], *, first: bool, last: bool) -> Language:
    """`first`, `last`: nothing of the expression stands before, or behind: only there ^ and $ are understood."""
    total, end = EMPTY, len(items) - 1
    for place, (kind, value) in enumerate(items):
        total = _then(total, _item(kind, value, first=first and place == 0, last=last and place == end))
    return total


def _item(kind: Any, value: Any, *, first: bool, last: bool) -> Language:
    match str(kind):
        case "BRANCH":
            return any_of(_sequence(branch, first=first, last=last) for branch in value[1])
        case "SUBPATTERN" if not value[1] and not value[2]:
            return _sequence(value[3], first=first, last=last)
        case "MAX_REPEAT" | "MIN_REPEAT":
            return _repeated(*value)
        case "AT":
            return _anchor(str(value), first=first, last=last)
        case _:
            return _one_of(_set([(kind, value)]))


def _anchor(kind: str, *, first: bool, last: bool) -> Language:
    if first and kind in {"AT_BEGINNING", "AT_BEGINNING_STRING"}:
        return _begin
    if last and kind in {"AT_END", "AT_END_STRING"}:
        return _end  # `$` is also before a line break at the end, but names here have none
    raise NotUnderstood(kind)


def _repeated(least: int, most: int, items: Sequence[Any]) -> Language:
    one = _sequence(items, first=False, last=False)
    endless = most is _constants.MAXREPEAT
    if (least if endless else most) > _COPIES:
        raise NotUnderstood("long repetition")
    rest = _many(one) if endless else EMPTY
    for _ in range(0 if endless else most - least):
        rest = any_of((EMPTY, _then(one, rest)))
    for _ in range(least):
        rest = _then(one, rest)
    return rest


def _set(items: Sequence[tuple[Any, Any]]) -> list[Range]:
    ranges: list[Range] = []
    negated = False
    for kind, value in items:
        match str(kind):
            case "NEGATE":
                negated = True
            case "IN":
                ranges += _set(value)
            case "ANY":
                ranges += _not_of([(10, 10)])
            case "LITERAL":
                ranges.append((value, value))
            case "NOT_LITERAL":
                ranges += _not_of([(value, value)])
            case "RANGE":
                ranges.append(value)
            case "CATEGORY":
                ranges += _category(str(value))
            case other:
                raise NotUnderstood(other)
    return _not_of(ranges) if negated else ranges


@lru_cache
def _category(name: str) -> list[Range]:
    letter = {"DIGIT": "d", "SPACE": "s", "WORD": "w"}[name.rpartition("_")[2]]
    found = [match.span() for match in re.finditer(rf"\{letter}+", "".join(map(chr, range(_LAST + 1))))]
    ranges = [(low, high - 1) for low, high in found]
    return _not_of(ranges) if "_NOT_" in name else ranges


def name_in(language: Language) -> str | None:
    """One of the shortest names in it; None when there is none. Raises `NotUnderstood` when that takes too long."""
    start = all_of((NAMES, language))
    letters = _letters(start)
    ways: dict[Language, str] = {start: ""}
    waiting = deque([start])
    while waiting:
        state = waiting.popleft()
        if state.nullable:
            return ways[state]
        if len(ways) > _STATES:
            raise NotUnderstood("size")
        for letter in letters:
            after = _after(state, letter)
            if after not in ways:
                ways[after] = ways[state] + (chr(letter) if letter <= _LAST else "")
                waiting.append(after)
    return None


def _letters(language: Language) -> list[int]:
    """One letter for each kind of letters that the language does not tell apart."""
    sets, seen, waiting = set(), {language}, [language]
    while waiting:
        part = waiting.pop()
        if part.kind == "one of":
            sets.add(part.parts)
        else:
            new = set(part.parts) - seen
            seen |= new
            waiting += new
    starts = sorted({0} | {bound for ranges in sets for low, high in ranges for bound in (low, high + 1)})
    kinds: dict[tuple[bool, ...], int] = {}
    ordered = sorted(sets)
    for start in starts:
        if start <= _END:
            kinds.setdefault(tuple(_holds(ranges, start) for ranges in ordered), start)
    return list(kinds.values())


def _holds(ranges: Sequence[Range], letter: int) -> bool:
    place = bisect_right(ranges, (letter, _END + 1)) - 1
    return place >= 0 and ranges[place][0] <= letter <= ranges[place][1]


@lru_cache(maxsize=100_000)
def _after(language: Language, letter: int) -> Language:
    """What may follow `letter` in the language: its derivative."""
    parts = language.parts
    match language.kind:
        case "one of":
            return EMPTY if _holds(parts, letter) else NONE
        case "then":
            rest = _then(_after(parts[0], letter), parts[1])
            return any_of((rest, _after(parts[1], letter))) if parts[0].nullable else rest
        case "many":
            return _then(_after(parts[0], letter), language)
        case "any" | "all" as kind:
            return (any_of if kind == "any" else all_of)(_after(part, letter) for part in parts)
        case "not":
            return without(ALL, (_after(parts[0], letter),))
        case _:
            return NONE
