"""The rules in force: defaults, what an operator's files put in their place, and what is wrong with the whole."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

import msgspec

from intaglio.authz.checks import BaseCheck, CheckInvalid, FalseCheck, Text, parse, references, shown
from intaglio.authz.decide import Decision, compiled
from intaglio.authz.rules.base import ADMIN, OWN, Rule
from intaglio.base.errors import Invalid


class PolicyInvalid(Invalid):
    """The operator's policy files cannot be used; the text names file, line and rule of each mistake."""

    code = "policy-invalid"


class Severity(StrEnum):
    """Whether rules with the mistake can be in force."""

    ERROR = "error"
    WARNING = "warning"


class Mistake(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with policy files."""

    severity: Severity
    code: str
    message: str
    file: str
    line: int | None = None
    rule: str | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.line is not None else f"{self.file}: "
        return place + (f"rule '{self.rule}': " if self.rule is not None else "") + self.message


class Written(msgspec.Struct, frozen=True):
    """A rule in a file."""

    check: Text
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Effective(msgspec.Struct, frozen=True, kw_only=True):
    """A rule in force. `default` is None for one that only the operator's files know."""

    name: str
    check: str
    source: str  # "default", or file:line
    default: Rule | None = None

    @property
    def overridden(self) -> bool:
        """Whether a file decides it."""
        return self.source != "default"


class RuleSet:
    """All rules, parsed and joined. With mistakes that are errors it must not come into force: see `require_sound`."""

    def __init__(
        self,
        defaults: Iterable[Rule],
        written: Mapping[str, Written] | None = None,
        *,
        new_defaults: bool = True,
        mistakes: Iterable[Mistake] = (),
        asked_elsewhere: Iterable[str] = (),
    ) -> None:
        """`asked_elsewhere`: rules of the operator's own that something besides the rules of calls asks."""
        self.defaults = {rule.name: rule for rule in defaults}
        self.written = dict(written or {})
        self.mistakes = list(mistakes)
        self._new_defaults = new_defaults
        self._asked_elsewhere = frozenset(asked_elsewhere)
        self.checks: dict[str, BaseCheck] = dict(self._parsed())
        self.mistakes += [*self._undefined(), *self._cycles(), *self._unknown()]
        self._decisions: dict[str, Decision] = {}
        if not self.errors:
            for name in self.checks:
                self.decision(name)

    @property
    def errors(self) -> list[Mistake]:
        """The mistakes with which these rules must not come into force."""
        return [mistake for mistake in self.mistakes if mistake.severity is Severity.ERROR]

    def require_sound(self) -> None:
        """Raise `PolicyInvalid` when there are errors."""
        if self.errors:
            raise PolicyInvalid("\n".join(map(str, self.errors)))

    def decision(self, name: str) -> Decision:
        """The rule as a function. Raises KeyError for a name that nobody defines."""
        if name not in self._decisions:
            self._decisions[name] = compiled(self.checks[name], self.decision)
        return self._decisions[name]

    def effective(self, name: str) -> Effective:
        """What is in force under this name. Raises KeyError."""
        written = self.written.get(name)
        source = "default" if written is None else str(written)
        return Effective(name=name, check=shown(self.checks[name]), source=source, default=self.defaults.get(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self.checks)

    def __contains__(self, name: object) -> bool:
        return name in self.checks

    def _parsed(self) -> Iterator[tuple[str, BaseCheck]]:
        for name in dict.fromkeys((*self.defaults, *self.written)):
            written = self.written.get(name)
            try:
                yield name, parse(self._with_owner(name, self._default(name) if written is None else written.check))
            except CheckInvalid as invalid:
                if written is None:
                    raise
                self.mistakes.append(self._mistake(Severity.ERROR, "bad-rule", f"{invalid}.", name))
                yield name, FalseCheck()

    def _default(self, name: str) -> str:
        rule = self.defaults[name]
        if self._new_defaults or rule.old is None or rule.old == rule.check:
            return rule.check
        return f"({rule.check or '@'}) or ({rule.old or '@'})"

    def _with_owner(self, name: str, check: Text) -> Text:
        """With the older defaults, Glance's code asks who the owner is, whatever the files say."""
        rule = self.defaults.get(name)
        if self._new_defaults or rule is None or not rule.owner:
            return check
        text = check if isinstance(check, str) else shown(parse(check))
        parse(text)  # on its own: parentheses around a text that is not sound could make it so
        return f"({text or '@'}) and ({ADMIN} or {'not ' if rule.owner == 'other' else ''}{OWN})"

    def _undefined(self) -> Iterator[Mistake]:
        for name, check in self.checks.items():
            for other in references(check):
                if other not in self.checks:
                    message = f"it refers to rule:{other}, which is not defined.{nearest(other, self.checks)}"
                    yield self._mistake(Severity.ERROR, "undefined-rule", message, name)

    def _cycles(self) -> Iterator[Mistake]:
        told: set[frozenset[str]] = set()
        for name in self.written:
            way = self._way_back(name)
            if way and frozenset(way) not in told:
                told.add(frozenset(way))
                message = f"it refers to itself: {' → '.join(way)}."
                yield self._mistake(Severity.ERROR, "rule-cycle", message, name)

    def _way_back(self, name: str) -> tuple[str, ...]:
        """The shortest way from a rule over those it refers to back to itself; empty when there is none."""
        ways: dict[str, tuple[str, ...]] = {name: (name,)}
        waiting = [name]
        for current in waiting:
            for other in references(self.checks[current]):
                if other == name:
                    return (*ways[current], name)
                if other in self.checks and other not in ways:
                    ways[other] = (*ways[current], other)
                    waiting.append(other)
        return ()

    def _unknown(self) -> Iterator[Mistake]:
        used = self._asked_elsewhere.union(*map(references, self.checks.values()))
        for name in self.written:
            if name not in self.defaults and name not in used:
                message = f"nothing asks for it: it is no rule of this service.{nearest(name, self.defaults)}"
                yield self._mistake(Severity.WARNING, "unknown-rule", message, name)

    def _mistake(self, severity: Severity, code: str, message: str, name: str) -> Mistake:
        written = self.written.get(name)
        return Mistake(
            severity=severity,
            code=code,
            message=message,
            rule=name,
            file=written.file if written else "default",
            line=written.line if written else None,
        )


def nearest(name: str, names: Iterable[str]) -> str:
    """A hint at the name that was probably meant; empty when none is like it."""
    near = difflib.get_close_matches(name, list(names), n=1, cutoff=0.7)
    return f" Did you mean {near[0]}?" if near else ""
