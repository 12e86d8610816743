"""What is known of one option and one group of options, and the three things an option can be to this release."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import msgspec


class State(StrEnum):
    """What setting an option does in this release."""

    USED = "used"
    NOT_YET = "not-yet"  # has no effect yet; the note says what happens meanwhile
    OBSOLETE = "obsolete"  # will never have one; the note names the replacement


class Kind(StrEnum):
    """How the text of a value is read. `bootstrap/values.py` has one reader for each."""

    TEXT = "text"
    URL = "URL"  # may hold a password: shown without it
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    OCTAL = "octal"  # permissions as chmod(1) takes them
    SIZE = "size"  # bytes: a number with B, KB, MB, GB or TB behind it
    LIST = "list"  # a,b or [a,b]
    INTEGERS = "list of integers"
    MAP = "map"  # a:b,c:d
    MULTI = "repeated"  # the option may stand several times


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """One option. `choices` bind each item of a list; `minimum` and `maximum` are allowed themselves."""

    name: str
    kind: Kind
    state: State
    default: Any = None
    meaning: str = ""
    note: str = ""
    choices: tuple[str, ...] = ()
    minimum: int | float | None = None
    maximum: int | float | None = None
    secret: bool = False
    aliases: tuple[tuple[str, str], ...] = ()  # older (group, name); group "" is the option's own

    @property
    def allowed(self) -> str:
        """What a value may be, in words that end a sentence."""
        if self.choices:
            words = ", ".join(choice or '""' for choice in self.choices)
            return f"any of {words}, separated by commas" if self.kind is Kind.LIST else f"one of {words}"
        return _WORDS[self.kind] + _bounds(self.minimum, self.maximum)


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A section of the file. `origin` names whose options these are."""

    name: str
    origin: str
    title: str
    options: tuple[Option, ...]


_WORDS = {
    Kind.TEXT: "text",
    Kind.URL: "a URL",
    Kind.INTEGER: "a whole number",
    Kind.NUMBER: "a number",
    Kind.BOOLEAN: "true or false (or yes/no, on/off, 1/0)",
    Kind.OCTAL: "permissions in octal, such as 640",
    Kind.SIZE: "a whole number with B, KB, MB, GB or TB directly behind it, such as 500GB; 0 is no limit",
    Kind.LIST: "a list such as a,b or [a,b]",
    Kind.INTEGERS: "a list of whole numbers such as 80,443 or [80,443]",
    Kind.MAP: "a list of pairs such as a:b,c:d",
    Kind.MULTI: "text; the option may be repeated",
}


def _bounds(minimum: float | None, maximum: float | None) -> str:
    if minimum is not None and maximum is not None:
        return f" from {minimum} to {maximum}"
    if minimum is not None:
        return f" of at least {minimum}"
    return "" if maximum is None else f" of at most {maximum}"


def used(name: str, kind: Kind, default: Any, meaning: str, **facts: Any) -> Option:
    """An option that this release obeys."""
    return Option(name=name, kind=kind, state=State.USED, default=default, meaning=meaning, **facts)


def not_yet(name: str, kind: Kind, default: Any, meaning: str, **facts: Any) -> Option:
    """An option that a later release will obey."""
    return Option(name=name, kind=kind, state=State.NOT_YET, default=default, meaning=meaning, **facts)


def obsolete(names: Sequence[str], note: str, *, secret: bool = False) -> tuple[Option, ...]:
    """Options that do nothing and never will; `note` says what to do instead."""
    return tuple(Option(name=name, kind=Kind.TEXT, state=State.OBSOLETE, note=note, secret=secret) for name in names)
