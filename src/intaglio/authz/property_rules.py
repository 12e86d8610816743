"""Which callers may create, read, update and delete which custom properties: rules from a file, and decisions.

The file is the one that Glance reads. Each section is a regular expression, searched in a property's name; the first
section that is found decides, and a name that none is found in is nobody's. Sections give for each action the roles
that have it, or the name of one policy rule. `@` is everybody and `!` is nobody.
"""

import configparser
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

import msgspec

from intaglio.base.errors import Invalid
from intaglio.domain.properties import NAME_LIMIT, SERVICE_PREFIX

EVERYBODY = "@"
NOBODY = "!"


class Action(StrEnum):
    """What is done with a property."""

    CREATE = "create"
    READ = "read"
    UPDATE = "update"
    DELETE = "delete"


class RuleFormat(StrEnum):
    """What the words of a file are."""

    ROLES = "roles"
    POLICIES = "policies"


class PropertyRulesInvalid(Invalid):
    """The file of property protections cannot be used."""

    code = "property-rules-invalid"


class Section(msgspec.Struct, frozen=True):
    """One section: its regular expression as written, and the words that stand for each action."""

    pattern: str
    words: Mapping[Action, tuple[str, ...]]


# Names of the service's own are no caller's to write, and everybody's to read.
_OWN = Section(SERVICE_PREFIX, dict.fromkeys(Action, (EVERYBODY,)))


class PropertyRules:
    """The sections of one file, in its order."""

    def __init__(self, sections: tuple[Section, ...], rule_format: RuleFormat) -> None:
        self.sections = sections
        self.rule_format = rule_format
        self._compiled = tuple((re.compile(section.pattern), section) for section in sections)
        self.section = lru_cache(maxsize=16384)(self._search)  # called for every property of every image shown

    def _search(self, name: str) -> Section | None:
        """The section that decides about a property; None where nobody may do anything."""
        if name.startswith(SERVICE_PREFIX):
            return _OWN
        if len(name) > NAME_LIMIT:  # no image has it, and an operator's expression may be slow on it
            return None
        return next((section for pattern, section in self._compiled if pattern.search(name)), None)


def read_file(file: Path, rule_format: RuleFormat, *, is_policy: Callable[[str], bool]) -> PropertyRules:
    """The rules in a file. Raises `PropertyRulesInvalid` naming file, section and reason."""
    try:
        return read_rules(file.read_text(encoding="utf-8"), rule_format, is_policy=is_policy)
    except OSError as error:
        reason = f"it cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        reason = "it is not UTF-8 text"
    except PropertyRulesInvalid as invalid:
        reason = str(invalid)
    raise PropertyRulesInvalid(f"property protection file {file}: {reason}")


def policies_named(file: Path | None, rule_format: RuleFormat) -> frozenset[str]:
    """The policy rules that a file of protections asks; none when there is no such file, or it cannot be used."""
    if file is None or rule_format is not RuleFormat.POLICIES:
        return frozenset()
    try:
        rules = read_file(file, rule_format, is_policy=lambda _: True)
    except PropertyRulesInvalid:
        return frozenset()
    words = {word for section in rules.sections for words in section.words.values() for word in words}
    return frozenset(words - {EVERYBODY, NOBODY})


def read_rules(text: str, rule_format: RuleFormat, *, is_policy: Callable[[str], bool]) -> PropertyRules:
    """The rules that a file's text holds. Raises `PropertyRulesInvalid` naming section and reason.

    `is_policy`: whether a policy rule of that name exists.
    """
    parser = configparser.ConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise PropertyRulesInvalid(
            f"it is not of the form '[expression]', 'action = who': {_one_line(error)}"
        ) from None
    names = [name for name in parser.sections() if not name.startswith(SERVICE_PREFIX)]  # Glance drops those, too
    return PropertyRules(tuple(_section(parser, name, rule_format, is_policy) for name in names), rule_format)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).replace("<string>", "the file").split())


def _section(
    parser: configparser.ConfigParser, pattern: str, rule_format: RuleFormat, is_policy: Callable[[str], bool]
) -> Section:
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise PropertyRulesInvalid(f"section [{pattern}]: it is not a regular expression: {error}") from None
    words: dict[Action, tuple[str, ...]] = {}
    for action in Action:
        try:
            value = parser.get(pattern, action)
        except configparser.NoOptionError:
            reason = f"'{action}' is missing; give it a value, '{NOBODY}' if nobody may"
            raise PropertyRulesInvalid(f"section [{pattern}]: {reason}") from None
        except configparser.InterpolationError as error:
            raise PropertyRulesInvalid(f"section [{pattern}]: {action}: {_one_line(error)}; write %% for %") from None
        try:
            words[action] = _roles(value) if rule_format is RuleFormat.ROLES else _policy(value, is_policy)
        except PropertyRulesInvalid as invalid:
            raise PropertyRulesInvalid(f"section [{pattern}]: {action} = {_one_line_of(value)}: {invalid}") from None
    return Section(pattern, words)


def _one_line_of(value: str) -> str:
    return " ".join(value.split())[:200]


def _roles(value: str) -> tuple[str, ...]:
    words = tuple(dict.fromkeys(word.strip().lower() for word in value.split(",") if word.strip()))
    if EVERYBODY in words and NOBODY in words:
        raise PropertyRulesInvalid(f"'{EVERYBODY}' (everybody) and '{NOBODY}' (nobody) exclude each other")
    return words


def _policy(value: str, is_policy: Callable[[str], bool]) -> tuple[str, ...]:
    if not value:
        return ()
    if "," in value:
        raise PropertyRulesInvalid("only one policy rule can be named; combine several in the policy file")
    if value not in {EVERYBODY, NOBODY} and not is_policy(value):
        raise PropertyRulesInvalid("there is no policy rule of this name")
    return (value,)
