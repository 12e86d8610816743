"""Reads checks in oslo.policy's language, and refuses what that library would quietly take for "nobody".

The library does the parsing. It answers a text it does not understand with a check that refuses everybody, and notices
a broken `%(…)s` only when a request meets it; an operator is told of both here, before they are in force.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from typing import Any

from oslo_policy import policy
from oslo_policy._checks import BaseCheck, FalseCheck, GenericCheck, RoleCheck, TrueCheck

from intaglio.base.errors import Invalid

__all__ = [  # the library has public names for some of its checks only; these are taken from here
    "BaseCheck",
    "CheckInvalid",
    "FalseCheck",
    "GenericCheck",
    "RoleCheck",
    "Text",
    "TrueCheck",
    "children",
    "leaves",
    "names_in",
    "parse",
    "references",
    "shown",
]

REMOTE = ("http", "https")
_OPERATORS = frozenset({"and", "or", "not"})
_PERCENT = re.compile(r"%(?!\([^()]+\)s|%)")
_NAMED = re.compile(r"%\(([^()]+)\)s")

Text = str | Sequence[str | Sequence[str]]
"""A check as written: a text, or in the oldest policy files lists (any of) of lists (all of) of single checks."""


class CheckInvalid(Invalid):
    """A rule is not written in the language of checks."""

    code = "policy-check-invalid"


def parse(text: Text) -> BaseCheck:
    """The check that `text` means. Raises `CheckInvalid`, whose text says what would be right."""
    for token in _tokens(text):
        _require_check(token)
    if not _sound(text):
        raise CheckInvalid(f"'{_shown(text)}' does not fit together; join checks by and, or, not and parentheses")
    rules: dict[str, Any] = {"": text}  # the library takes lists too, though it does not say so
    found = policy.Rules.from_dict(rules)[""]
    for leaf in leaves(found):
        if isinstance(leaf, GenericCheck):
            _require_kind(leaf.kind)
    return found


def children(check: BaseCheck) -> tuple[BaseCheck, ...]:
    """The checks that `check` is made of."""
    many = getattr(check, "rules", None)
    if many is not None:
        return tuple(many)
    one = getattr(check, "rule", None)
    return () if one is None else (one,)


def leaves(check: BaseCheck) -> Iterator[BaseCheck]:
    """Every single check in `check`."""
    below = children(check)
    if not below:
        yield check
    for child in below:
        yield from leaves(child)


def names_in(check: BaseCheck) -> frozenset[str]:
    """What `check` reads of its target, apart from what rules that it refers to read."""
    return frozenset(name for leaf in leaves(check) for name in _NAMED.findall(getattr(leaf, "match", "")))


def references(check: BaseCheck) -> Iterator[str]:
    """The names of rules that `check` refers to."""
    for leaf in leaves(check):
        if isinstance(leaf, policy.RuleCheck):
            yield leaf.match


def shown(check: BaseCheck) -> str:
    """`check` in the language; what everybody passes is `@`, never nothing."""
    return "@" if isinstance(check, TrueCheck) else str(check)


def _tokens(text: Text) -> Iterator[str]:
    if not isinstance(text, str):
        if not isinstance(text, list):
            raise CheckInvalid(f'a rule is a text such as "role:admin", not {type(text).__name__} {text!r:.80}')
        for inner in text:
            for token in [inner] if isinstance(inner, str) else inner:
                if not isinstance(token, str):
                    raise CheckInvalid(f"a list of checks holds texts, not {token!r:.80}")
                yield token
        return
    yield from (word for word in _words(text) if word not in {"(", ")"} and word.lower() not in _OPERATORS)


def _words(text: str) -> Iterator[str]:
    """Checks, operators and parentheses, told apart as the library does."""
    for word in text.split():
        bare = word.lstrip("(")
        yield from "(" * (len(word) - len(bare))
        inner = bare.rstrip(")")
        if inner:
            yield inner
        yield from ")" * (len(bare) - len(inner))


def _require_check(token: str) -> None:
    if token in {"@", "!"}:
        return
    kind, colon, match = token.partition(":")
    if not colon:
        raise CheckInvalid(f"'{token[:80]}' is no check: write role:NAME, rule:NAME, FIELD:VALUE, @ or !")
    if not kind:
        raise CheckInvalid(f"'{token[:80]}' has nothing before its colon")
    if kind in REMOTE:
        raise CheckInvalid(f"'{token[:80]}' asks another server; checks of that kind are not supported yet")
    if len(token) > 1 and token[0] == token[-1] and token[0] in "'\"":
        raise CheckInvalid(f"{token[:80]} is quoted as a whole; quote only the part before the colon")
    if _PERCENT.search(match):
        raise CheckInvalid(f"'{token[:80]}' has a % that is not the start of %(name)s; write %% for the character")


def _require_kind(kind: str) -> None:
    try:
        ast.literal_eval(kind)
    except ValueError:
        return  # a name
    except (SyntaxError, TypeError, MemoryError, RecursionError):
        raise CheckInvalid(f"'{kind[:80]}' is neither a quoted text, a number, nor the name of something") from None


def _sound(text: Text) -> bool:
    """Whether checks, operators and parentheses alternate as they must: the library logs a traceback otherwise."""
    if not isinstance(text, str) or not text:
        return True
    depth, operand = 0, True  # `operand`: a check, a not or an opening parenthesis comes next
    for word in _words(text):
        lowered = word.lower()
        if lowered in {"and", "or", ")"}:
            depth -= lowered == ")"
            if operand or depth < 0:
                return False
            operand = lowered != ")"
        elif not operand:
            return False
        elif lowered == "(":
            depth += 1
        else:
            operand = lowered == "not"
    return depth == 0 and not operand


def _shown(text: Text) -> str:
    return text[:200] if isinstance(text, str) else repr(text)[:200]
