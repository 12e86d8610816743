"""What a file of property protections comes to: who may do what in each section, and which sections never decide."""

import re
from collections.abc import Iterable, Sequence

import msgspec

from intaglio.authz import name_patterns
from intaglio.authz.checks import references
from intaglio.authz.engine import Caller, PolicyEngine
from intaglio.authz.name_patterns import Language, NotUnderstood
from intaglio.authz.property_access import granted_by_policies, granted_to
from intaglio.authz.property_rules import EVERYBODY, NOBODY, Action, PropertyRules, RuleFormat, Section
from intaglio.authz.ruleset import RuleSet
from intaglio.domain.principal import Principal
from intaglio.domain.properties import BASE_FIELDS, READ_ONLY, RESERVED, SERVICE_PREFIX

OTHERS = "any other role"
_USUAL_ROLES = ("admin", "member", "reader", "service")
_NO_PROPERTIES = (*BASE_FIELDS, *READ_ONLY, *RESERVED, "id", "locations")


class RoleVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller may do who has this role and no other."""

    role: str
    allowed: tuple[Action, ...]


class SectionVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """One section. `never_used`: why it decides about no property, None when it does or that cannot be told."""

    section: str
    roles: tuple[RoleVerdict, ...]
    never_used: str | None = None


class PropertyVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """One property. `section`: which one decides; None where none does, and nobody may do anything."""

    property: str
    section: str | None
    roles: tuple[RoleVerdict, ...]


class ProtectionReport(msgspec.Struct, frozen=True, kw_only=True):
    """A file of protections, section by section, and the properties that were asked about."""

    file: str
    format: RuleFormat
    sections: tuple[SectionVerdict, ...]
    properties: tuple[PropertyVerdict, ...]


def protection_report(file: str, rules: PropertyRules, policy: PolicyEngine, asked: Sequence[str]) -> ProtectionReport:
    """The report on `rules`; `asked` are names of properties."""
    return ProtectionReport(
        file=file,
        format=rules.rule_format,
        sections=tuple(
            SectionVerdict(section=section.pattern, roles=_verdicts(rules, section, policy), never_used=reason)
            for section, reason in zip(rules.sections, never_used(rules.sections), strict=True)
        ),
        properties=tuple(
            PropertyVerdict(
                property=name,
                section=None if (found := rules.section(name)) is None else found.pattern,
                roles=_verdicts(rules, found, policy),
            )
            for name in asked
        ),
    )


def _verdicts(rules: PropertyRules, section: Section | None, policy: PolicyEngine) -> tuple[RoleVerdict, ...]:
    words = {word for each in rules.sections for words in each.words.values() for word in words}
    names = words - {EVERYBODY, NOBODY}
    if rules.rule_format is RuleFormat.POLICIES:
        names = _roles_in(policy.rules, names)
    roles = [*dict.fromkeys((*(role for role in _USUAL_ROLES if role in names), *sorted(names)))]
    return tuple(
        RoleVerdict(
            role=OTHERS if role is None else role,
            allowed=() if section is None else tuple(a for a in Action if _may(rules, section.words[a], role, policy)),
        )
        for role in (*roles, None)
    )


def _roles_in(rules: RuleSet, names: Iterable[str]) -> set[str]:
    """The usual roles, and those that these rules and the ones they refer to name themselves."""
    waiting, seen = list(names), set(names)
    found = set(_USUAL_ROLES)
    for name in waiting:
        found |= {role.lower() for role in re.findall(r"\brole:([\w.-]+)", rules.effective(name).check)}
        new = set(references(rules.checks[name])) - seen
        seen |= new
        waiting += new
    return found


def _may(rules: PropertyRules, words: tuple[str, ...], role: str | None, policy: PolicyEngine) -> bool:
    roles = frozenset(() if role is None else (role,))
    if rules.rule_format is RuleFormat.ROLES:
        return granted_to(roles, words)
    return granted_by_policies(policy, Caller(Principal(roles=roles)))(words)


def never_used(sections: Sequence[Section]) -> list[str | None]:
    """For each section why no property can ever be decided by it, or None."""
    nobodys = [name_patterns.names(_NO_PROPERTIES), name_patterns.names_beginning(SERVICE_PREFIX)]
    before: list[tuple[str, Language]] = []
    found: list[str | None] = []
    for section in sections:
        try:
            language = name_patterns.names_found_by(section.pattern)
        except NotUnderstood:
            found.append(_unless_all_is_taken(nobodys, before))
            continue  # as something that stands before others, it is taken to match nothing
        found.append(_why_never(language, nobodys, before))
        before.append((section.pattern, language))
    return found


def _why_never(language: Language, nobodys: list[Language], before: list[tuple[str, Language]]) -> str | None:
    if _covered(language, nobodys):
        return "no custom property can have a name that it matches"
    for pattern, earlier in before:
        if _covered(language, [*nobodys, earlier]):
            return f"[{pattern}] stands before it and matches whatever it matches"
    if _covered(language, [*nobodys, *(earlier for _, earlier in before)]):
        return "the sections before it together match whatever it matches"
    return None


def _unless_all_is_taken(nobodys: list[Language], before: list[tuple[str, Language]]) -> str | None:
    return _why_never(name_patterns.ALL, nobodys, before)


def _covered(language: Language, others: Iterable[Language]) -> bool:
    try:
        return name_patterns.name_in(name_patterns.without(language, others)) is None
    except NotUnderstood:
        return False
