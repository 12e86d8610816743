"""`intaglio policy` as data: the rules in force, what they say to a caller, and why a call is refused."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from intaglio.api.routes import ROUTES
from intaglio.api.v2.policy import question as question_about
from intaglio.authz.checks import references
from intaglio.authz.engine import EXPLAIN, Caller, PolicyEngine
from intaglio.authz.explain import Explanation
from intaglio.authz.files import PolicyFiles
from intaglio.authz.rules import RULES
from intaglio.authz.rules.base import BASE_RULES, Rule
from intaglio.authz.ruleset import Effective, RuleSet, nearest
from intaglio.authz.settings import PolicySettings
from intaglio.base.errors import NotFound
from intaglio.bootstrap import wiring
from intaglio.bootstrap.problems import Level, Problem
from intaglio.bootstrap.settings import Settings
from intaglio.domain.principal import Principal
from intaglio.services import explain
from intaglio.services.explain import Answer


class NoSuchRule(NotFound):
    """No policy rule has this name."""

    code = "no-such-rule"


def asked_by(name: str) -> tuple[str, ...]:
    """The calls that ask a rule by its name."""
    return tuple(f"{route.method} {route.path}" for route in ROUTES if name in route.rules)


def lines_of_sample(rules: Iterable[Rule] = RULES) -> Iterator[str]:
    """A policy file in which every rule stands as a comment, with its default."""
    yield "# Policy rules. Remove the # before a line, and change what stands after the colon, to replace a default."
    yield "# `intaglio policy check` finds mistakes; a running service reads a changed file within seconds."
    for rule in rules:
        yield ""
        yield f"# {rule.guards}"
        yield from (f"# {call}" for call in asked_by(rule.name))
        yield f"#{json.dumps(rule.name)}: {json.dumps(rule.check)}"


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One rule in force. `calls` ask for it by name; others may through rules that refer to it."""

    rule: str
    check: str
    source: str
    default: str | None
    guards: str
    calls: tuple[str, ...]


def shown(rules: RuleSet, names: Sequence[str] = ()) -> tuple[Shown, ...]:
    """The rules in force, or those named. Raises `NoSuchRule`."""
    rows = []
    for name in names or rules:
        effective = require_rule(rules, name)
        default = effective.default
        rows.append(
            Shown(
                rule=name,
                check=effective.check,
                source=effective.source,
                default=default.check if default else None,
                guards=default.guards if default else "A rule of the operator's own.",
                calls=asked_by(name),
            )
        )
    return tuple(rows)


def require_rule(rules: RuleSet, name: str) -> Effective:
    """The rule of this name. Raises `NoSuchRule`."""
    try:
        return rules.effective(name)
    except KeyError:
        raise NoSuchRule(f"There is no rule {name!r}.{nearest(name, rules)}") from None


def idle(settings: PolicySettings) -> Iterator[Problem]:
    """Rules of this service that files replace though no call of this release asks them."""
    rules = PolicyFiles(settings).rules()
    used = {other for name in rules for other in references(rules.checks[name])}
    names = (name for name in rules.written if name in rules.defaults and name not in used)
    base = {rule.name for rule in BASE_RULES} | {EXPLAIN}
    for name in names:
        if name not in base and not asked_by(name):
            written = rules.written[name]
            message = f"rule '{name}': no call of this release asks it; it has no effect yet."
            yield Problem(level=Level.WARNING, code="idle-rule", message=message, file=written.file, line=written.line)


def checked(
    settings: PolicySettings, caller: Principal, target: Mapping[str, str], names: Sequence[str] = ()
) -> tuple[Explanation, ...]:
    """What every rule, or those named, says to a caller about a target that may have more than is given."""
    engine = PolicyEngine(files=PolicyFiles(settings))
    for name in names:
        require_rule(engine.rules, name)
    asker = engine.caller(caller)
    return tuple(
        engine.explain(name, asker, _known(engine.rules, name, asker, target), partial=True)
        for name in names or engine.rules
    )


def _known(rules: RuleSet, name: str, caller: Caller, target: Mapping[str, str]) -> Mapping[str, str]:
    default = rules.defaults.get(name)
    if default is None or default.about != "project":
        return target
    return {"project_id": caller.principal.project_id or ""}


async def why(settings: Settings, method: str, path: str, caller: Principal, **about: Any) -> Answer:
    """What the policy says to a call; the database is read when it is about an image."""
    question = question_about(ROUTES, method, path, caller, **about)
    if question.image_id is None:
        return explain.answer(PolicyEngine(files=PolicyFiles(settings.policy)), question, explain.Subject(None))
    parts = wiring.make_parts(settings)
    try:
        return explain.answer(parts.policy, question, await explain.find(parts, question))
    finally:
        await wiring.close_parts(parts)
