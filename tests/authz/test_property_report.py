"""The report on a file of protections: who may do what, and which sections are never used."""

import pytest

from intaglio.authz.engine import PolicyEngine
from intaglio.authz.property_report import RoleVerdict, never_used, protection_report
from intaglio.authz.property_rules import RuleFormat, Section, read_rules
from tests.authz.test_property_rules import section


def told(roles: tuple[RoleVerdict, ...]) -> dict[str, str]:
    """Each role with the first letters of what it may do."""
    return {verdict.role: "".join(action[0] for action in verdict.allowed) for verdict in roles}


def test_roles() -> None:
    text = section("^a", create="billing", update="Member,admin", delete="!") + section("b", read="")
    rules = read_rules(text, RuleFormat.ROLES, is_policy=bool)
    report = protection_report("f", rules, PolicyEngine(), ["abc", "cb", "c", "os_glance_x"])
    assert [(each.section, told(each.roles)) for each in report.sections] == [
        ("^a", {"admin": "ru", "member": "ru", "billing": "cr", "any other role": "r"}),
        ("b", {"admin": "cud", "member": "cud", "billing": "cud", "any other role": "cud"}),
    ]
    assert [(each.property, each.section) for each in report.properties] == [
        ("abc", "^a"),
        ("cb", "b"),
        ("c", None),
        ("os_glance_x", "os_glance"),
    ]
    assert told(report.properties[0].roles) == told(report.sections[0].roles)
    assert set(told(report.properties[2].roles).values()) == {""}


def test_policies() -> None:
    engine = PolicyEngine(overrides={"auditors": "role:Auditor or rule:context_is_admin"})
    text = section("x", create="context_is_admin", read="auditors", update="default", delete="!")
    rules = read_rules(text, RuleFormat.POLICIES, is_policy=engine.rules.__contains__)
    report = protection_report("f", rules, engine, [])
    [only] = report.sections
    assert told(only.roles) == {
        "admin": "cru",
        "member": "u",
        "reader": "u",
        "service": "u",
        "auditor": "ru",
        "any other role": "u",
    }


def reasons(*patterns: str) -> dict[str, str]:
    found = never_used([Section(pattern, {}) for pattern in patterns])
    return {pattern: reason for pattern, reason in zip(patterns, found, strict=True) if reason is not None}


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (("^x_owner", "^x_"), {}),
        (("^x_", "^x_owner", "y", "by"), {"^x_owner": "[^x_]", "by": "[y]"}),
        ((".*", "anything", "(?!looking).*"), {"anything": "[.*]", "(?!looking).*": "[.*]"}),
        (("(?!looking).*", "anything"), {}),  # not understood: nothing is said
        (("^[a-m]", "^[^a-m]", "^$", "late"), {"late": "together"}),
        (("^name$", "^(status|id)$", "^names$"), {"^name$": "no custom", "^(status|id)$": "no custom"}),
        (("^os_glance_", "os_glance"), {"^os_glance_": "no custom"}),
        (("^os_", "^os_glance.*|^os_distro$"), {"^os_glance.*|^os_distro$": "[^os_]"}),
        (("a^b", "ab"), {}),
    ],
)  # fmt: skip
def test_never_used(patterns: tuple[str, ...], expected: dict[str, str]) -> None:
    found = reasons(*patterns)
    assert found.keys() == expected.keys()
    for pattern, reason in expected.items():
        assert reason in found[pattern]
