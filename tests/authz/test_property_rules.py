"""Reading a file of property protections: what each section comes to, and what is refused with which reason."""

import re

import pytest

from intaglio.authz.property_rules import Action, PropertyRules, PropertyRulesInvalid, RuleFormat, read_rules

POLICIES = {"default", "context_is_admin"}


def section(pattern: str, **words: str) -> str:
    lines = [f"{action} = {words.get(action, '@')}" for action in Action]
    return "\n".join((f"[{pattern}]", *lines, ""))


def read(text: str, rule_format: RuleFormat = RuleFormat.ROLES) -> PropertyRules:
    return read_rules(text, rule_format, is_policy=POLICIES.__contains__)


def words(text: str, action: Action = Action.READ, rule_format: RuleFormat = RuleFormat.ROLES) -> tuple[str, ...]:
    [only] = read(text, rule_format).sections
    return only.words[action]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("admin", ("admin",)),
        ("Admin, MEMBER ,reader", ("admin", "member", "reader")),
        ("admin,\n  member", ("admin", "member")),
        ("@", ("@",)),
        ("!,admin", ("!", "admin")),
        ("", ()),
        ("admin,,", ("admin",)),
        ("a role with spaces", ("a role with spaces",)),
        ("50%%", ("50%",)),
    ],
)
def test_roles(value: str, expected: tuple[str, ...]) -> None:
    assert words(section("x", read=value)) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("default", ("default",)), ("@", ("@",)), ("!", ("!",)), ("", ()), (" default ", ("default",))],
)
def test_policies(value: str, expected: tuple[str, ...]) -> None:
    assert words(section("x", read=value), rule_format=RuleFormat.POLICIES) == expected


def test_names_of_actions_are_in_any_case_and_others_are_ignored() -> None:
    rules = read("[x]\nCREATE = a\nRead: b\nupdate = c\n# comment\ndelete = d\nshare = e\n")
    assert {str(action): words for action, words in rules.sections[0].words.items()} == {
        "create": ("a",),
        "read": ("b",),
        "update": ("c",),
        "delete": ("d",),
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("create = @\n", "no section headers"),
        ("[x\ncreate = @\n", "no section headers"),
        ("[x]\ncreate\n", "Source contains parsing errors"),
        (section("x") + section("x"), "section 'x' already exists"),
        (section("x") + "read = @\n", "option 'read' in section 'x' already exists"),
        ("[x]\ncreate = @\nread = @\nupdate = @\n", "section [x]: 'delete' is missing"),
        (section("a)b"), "section [a)b]: it is not a regular expression: unbalanced parenthesis"),
        (section("x", update="@,!"), "section [x]: update = @,!: '@' (everybody) and '!' (nobody) exclude each other"),
        (section("x", read="50%"), "section [x]: read: '%' must be followed by"),
        (section("x", read="%(nothing)s"), "section [x]: read: Bad value substitution"),
    ],
)
@pytest.mark.parametrize("rule_format", RuleFormat)
def test_refused(text: str, reason: str, rule_format: RuleFormat) -> None:
    if rule_format is RuleFormat.POLICIES and "@,!" in text:
        reason = "only one policy rule"
    with pytest.raises(PropertyRulesInvalid, match=re.escape(reason)) as refused:
        read(section("first") + text if "no section" not in reason else text, rule_format)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("default,context_is_admin", "only one policy rule can be named"),
        ("no_such_rule", "there is no policy rule of this name"),
        ("Default", "there is no policy rule of this name"),
    ],
)
def test_refused_policies(value: str, reason: str) -> None:
    with pytest.raises(PropertyRulesInvalid, match=rf"section \[x\]: delete = {value}: {reason}"):
        read(section("x", delete=value), RuleFormat.POLICIES)


@pytest.mark.parametrize(
    ("name", "decides"),
    [
        ("abc", "b"),
        ("b", "b"),
        ("cab_", "b"),
        ("ac", "^a"),
        ("ca", None),
        ("", None),
        ("os_glance_b", "os_glance"),
        ("os_glancefoo", "os_glance"),
        ("b" * 255, "b"),
        ("b" * 256, None),
        ("x\nb", "b"),
    ],
)
def test_the_first_section_found_in_the_name_decides(name: str, decides: str | None) -> None:
    rules = read(section("b") + section("^a") + section("^ab"))
    found = rules.section(name)
    assert (found and found.pattern) == decides


def test_sections_for_the_services_own_names_are_dropped() -> None:
    rules = read(section("os_glance.*", read="!") + "[os_glance_broken]\n" + section("x"))
    assert [each.pattern for each in rules.sections] == ["x"]
    own = rules.section("os_glance_import_task")
    assert own is not None
    assert own.words[Action.READ] == ("@",)


def test_an_empty_file_leaves_nothing_to_anybody() -> None:
    assert read("").section("anything") is None
