"""Says why: a rule, part by part, with what each part compared. The same functions decide as in `decide`."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from oslo_policy import policy

from intaglio.authz.caller import Caller
from intaglio.authz.checks import BaseCheck, GenericCheck, RoleCheck, children, names_in, shown
from intaglio.authz.decide import Target, read_kind, single
from intaglio.authz.ruleset import RuleSet
from intaglio.authz.targets import ImageTarget

_LONGEST = 80  # characters of a value
_KEPT_BACK = "(not shown)"


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A check or a part of one. `passed` is None when it depends on something that is not known of the target."""

    check: str
    passed: bool | None
    why: str = ""
    parts: tuple["Part", ...] = ()

    def refusals(self) -> Iterator[str]:
        """The single checks that made it fail, each with what it met."""
        if not self.parts:
            yield f"{self.check} ({self.why})" if self.why else self.check
        else:
            failed = [part for part in self.parts if part.passed is False]
            if failed:
                for part in failed:
                    yield from part.refusals()
            else:
                yield f"{self.check} ({self.why})" if self.why else self.check


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why a rule lets a caller do something or not. `target` holds what the rule reads; no value in it is a secret."""

    rule: str
    passed: bool | None
    check: str
    source: str
    target: dict[str, str]
    part: Part
    scope: str = ""  # why the caller's scope alone refuses

    @property
    def refusal(self) -> str:
        """In words, what refused."""
        if self.scope:
            return self.scope
        found = dict.fromkeys(self.part.refusals())
        return "none of these passed: " + "; ".join(found) if len(found) > 1 else "; ".join(found) + " did not pass"


def explain(rules: RuleSet, rule: str, caller: Caller, target: Target, *, partial: bool = False) -> Explanation:
    """`rule` for this caller on this target. With `partial`, what the target lacks is unknown instead of absent."""
    effective = rules.effective(rule)
    part = _Judge(rules, caller, target, partial=partial).judge(rules.checks[rule])
    scope = scope_refusal(rules, rule, caller)
    return Explanation(
        rule=rule,
        passed=False if scope else part.passed,
        check=effective.check,
        source=effective.source,
        target={name: _value(target, name) for name in sorted(_reads(rules, rule, set())) if name in target},
        part=part,
        scope=scope,
    )


def outlook(rules: RuleSet, rule: str, caller: Caller, kinds: Iterable[Target]) -> bool | None:
    """What `rule` says to this caller about everything of these kinds, each given by what is known of it.

    None when it depends on what is not known, or differs between the kinds.
    """
    if scope_refusal(rules, rule, caller):
        return False
    answers = {_Judge(rules, caller, kind, partial=True).judge(rules.checks[rule]).passed for kind in kinds}
    return answers.pop() if len(answers) == 1 else None


def scope_refusal(rules: RuleSet, rule: str, caller: Caller) -> str:
    """Why a token of the system or a domain is refused by rules about projects' things; empty when it is not."""
    default = rules.defaults.get(rule)
    if caller.scope == "project" or default is None or default.any_scope:
        return ""
    return f"the token is for the {caller.scope}; this rule is for tokens of a project"


class _Judge:
    def __init__(self, rules: RuleSet, caller: Caller, target: Target, *, partial: bool) -> None:
        self.rules = rules
        self.caller = caller
        self.target = target
        self.partial = partial
        self._rules: dict[str, Part] = {}  # what was judged once is not judged again

    def judge(self, check: BaseCheck) -> Part:
        if isinstance(check, policy.RuleCheck):
            if check.match not in self._rules:
                self._rules[check.match] = self.judge(self.rules.checks[check.match])
            inner = self._rules[check.match]
            return Part(check=str(check), passed=inner.passed, parts=(inner,))
        parts = tuple(map(self.judge, children(check)))
        if isinstance(check, policy.NotCheck):
            (inner,) = parts
            why = "it is so" if inner.passed else ""
            return Part(check=str(check), passed=_not(inner.passed), why=why, parts=parts)
        if parts:
            passed = {part.passed for part in parts}
            decisive = isinstance(check, policy.OrCheck)
            answer = decisive if decisive in passed else None if None in passed else not decisive
            return Part(check=shown(check), passed=answer, parts=parts)
        return self._single(check)

    def _single(self, check: BaseCheck) -> Part:
        unknown = sorted(name for name in names_in(check) if name not in self.target)
        if unknown and self.partial:
            return Part(check=shown(check), passed=None, why=f"depends on {', '.join(unknown)}")
        passed = single(check)(self.target, self.caller)
        if unknown:
            return Part(check=shown(check), passed=passed, why=f"there is no {', '.join(unknown)} here")
        return Part(check=shown(check), passed=passed, why=self._met(check))

    def _met(self, check: BaseCheck) -> str:
        """What a check without parts compared."""
        if isinstance(check, RoleCheck):
            return f"the caller's roles: {', '.join(sorted(self.caller.roles)) or 'none'}"
        if not isinstance(check, GenericCheck):
            return ""
        literal, _ = read_kind(check.kind)
        values = {name: _value(self.target, name) for name in sorted(names_in(check))}
        met = [f"the target's {name} is {value}" for name, value in values.items()]
        if literal is None:
            met.insert(0, f"the caller's {check.kind} is {_cut(self.caller.credentials.get(check.kind, 'not known'))}")
        return ", ".join(met)


def _not(passed: bool | None) -> bool | None:  # noqa: FBT001 - the third value is the point
    return None if passed is None else not passed


def _reads(rules: RuleSet, rule: str, seen: set[str]) -> frozenset[str]:
    """What a rule, with all rules it refers to, reads of a target."""
    seen.add(rule)
    check = rules.checks[rule]
    others = (leaf for leaf in _rule_names(check) if leaf not in seen)
    return names_in(check).union(*(_reads(rules, other, seen) for other in others))


def _rule_names(check: BaseCheck) -> Iterator[str]:
    if isinstance(check, policy.RuleCheck):
        yield check.match
    for child in children(check):
        yield from _rule_names(child)


def _value(target: Mapping[str, Any], name: str) -> str:
    """A value of the target for people: never a custom property's, which not everybody may read."""
    if isinstance(target, ImageTarget) and target.withheld(name):
        return _KEPT_BACK
    return _cut(target[name])


def _cut(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
