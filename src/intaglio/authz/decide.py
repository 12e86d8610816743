"""Turns parsed checks into functions: the way every decision is made.

oslo.policy's own evaluation looks up the signature of each part of a check each time; a list asks once an image. A test
with generated checks shows that both decide the same.
"""

import ast
from collections.abc import Callable, Mapping
from typing import Any

from oslo_policy import policy

from intaglio.authz.caller import Caller
from intaglio.authz.checks import BaseCheck, FalseCheck, GenericCheck, RoleCheck, TrueCheck

Target = Mapping[str, Any]
Decision = Callable[[Target, Caller], bool]


def compiled(check: BaseCheck, rule: Callable[[str], Decision]) -> Decision:
    """`check` as a function; `rule` gives the function of a rule that it refers to."""
    if isinstance(check, policy.AndCheck):
        return _all([compiled(part, rule) for part in check.rules])
    if isinstance(check, policy.OrCheck):
        return _any([compiled(part, rule) for part in check.rules])
    if isinstance(check, policy.NotCheck):
        inner = compiled(check.rule, rule)
        return lambda target, caller: not inner(target, caller)
    return rule(check.match) if isinstance(check, policy.RuleCheck) else single(check)


def single(check: BaseCheck) -> Decision:
    """A check without parts, other than `rule:`, as a function."""
    if isinstance(check, TrueCheck | FalseCheck):
        passed = isinstance(check, TrueCheck)
        return lambda _target, _caller: passed
    if isinstance(check, RoleCheck):
        return _role(check.match)
    if isinstance(check, GenericCheck):
        return _generic(check.kind, check.match)
    raise TypeError(f"{check!r} is not a check that is supported")


def _all(parts: list[Decision]) -> Decision:
    def decide(target: Target, caller: Caller) -> bool:
        for part in parts:  # noqa: SIM110 - a loop is half the time of all() with a generator
            if not part(target, caller):
                return False
        return True

    return decide


def _any(parts: list[Decision]) -> Decision:
    def decide(target: Target, caller: Caller) -> bool:
        for part in parts:  # noqa: SIM110 - as above
            if part(target, caller):
                return True
        return False

    return decide


def _role(match: str) -> Decision:
    if "%" not in match:
        role = match.lower()
        return lambda _target, caller: role in caller.roles

    def decide(target: Target, caller: Caller) -> bool:
        wanted = filled(match, target)
        return wanted is not None and wanted.lower() in caller.roles

    return decide


def _generic(kind: str, match: str) -> Decision:
    literal, path = read_kind(kind)
    if path is None:
        return lambda target, _caller: filled(match, target) == literal
    if len(path) == 1:
        return lambda target, caller: _found(caller.credentials.get(kind), (), filled(match, target))
    return lambda target, caller: _found(caller.credentials, path, filled(match, target))


def read_kind(kind: str) -> tuple[str | None, tuple[str, ...] | None]:
    """What stands before the colon: a literal's text, or the path to a value among the caller's credentials."""
    try:
        return str(ast.literal_eval(kind)), None
    except ValueError:
        return None, tuple(kind.split("."))


def filled(match: str, target: Target) -> str | None:
    """`match` with its names filled in; None when the target has no such thing."""
    try:
        return match % target
    except KeyError:
        return None


def _found(value: Any, path: tuple[str, ...], wanted: str | None) -> bool:
    """Whether what `path` leads to is `wanted`; of a list, any item."""
    if wanted is None or value is None:
        return False
    if isinstance(value, list):
        return any(_found(item, path, wanted) for item in value)
    if not path:
        return str(value) == wanted
    return _found(value.get(path[0]), path[1:], wanted) if isinstance(value, Mapping) else False
