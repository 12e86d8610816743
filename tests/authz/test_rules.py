"""The rules in the tables are Glance's, to the letter; ours have names of their own."""

import json
import subprocess
from typing import Any

import pytest

from intaglio.authz.checks import parse
from intaglio.authz.engine import PolicyEngine
from intaglio.authz.rules import RULES
from intaglio.authz.ruleset import RuleSet
from intaglio.domain.principal import Principal
from tests.starters.environments import environment

ASK = """
import json, warnings
warnings.simplefilter("ignore")
from glance import policies
print(json.dumps([
    [rule.name, str(rule.check), rule.scope_types, str(rule.deprecated_rule.check) if rule.deprecated_rule else None]
    for rule in policies.list_rules()
]))
"""


@pytest.fixture(scope="module")
def glances() -> dict[str, Any]:
    python = environment("glance") / "python"
    done = subprocess.run([python, "-c", ASK], capture_output=True, text=True, check=True, timeout=60)
    return {name: rest for name, *rest in json.loads(done.stdout)}


@pytest.mark.real
@pytest.mark.timeout(600)  # the first time Glance is installed
def test_names_defaults_and_scopes_are_those_of_glance(glances: dict[str, Any]) -> None:
    ours = {rule.name: rule for rule in RULES if not rule.name.startswith("intaglio:")}
    assert len(glances) == 67
    assert set(ours) == set(glances)
    for name, (check, scopes, old) in glances.items():
        rule = ours[name]
        assert str(parse(rule.check)) == check, name
        assert rule.any_scope == (scopes is None), name
        assert (None if rule.old is None else str(parse(rule.old))) == old, name


def test_each_rule_stands_once_and_says_what_it_guards() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES) == 72
    for rule in RULES:
        assert rule.guards.endswith("."), rule.name
        assert (rule.old is None) == (not rule.since), rule.name
    assert RuleSet(RULES).mistakes == []


def made(*roles: str, project: str | None = "alpha", **more: Any) -> Principal:
    return Principal(user_id="u", project_id=project, roles=frozenset(roles), **more)


def test_older_defaults_are_enough_when_they_are_asked_for() -> None:
    """As in Glance: either default, and then, as its code asks, the owner alone changes an image."""
    engine = PolicyEngine()
    engine.rules = RuleSet(RULES, new_defaults=False)
    nobody, stranger = engine.caller(made()), engine.caller(made(project="beta"))
    image = {"project_id": "alpha", "visibility": "private", "member_id": "beta"}
    for rule in ("get_image", "download_image", "add_image", "get_members"):
        assert engine.allows(rule, nobody, image), rule
    for rule in ("modify_image", "delete_image", "upload_image", "deactivate", "reactivate", "add_member"):
        assert engine.allows(rule, nobody, image), rule
        assert not engine.allows(rule, stranger, image), rule
    assert engine.allows("modify_member", stranger, image)
    assert not engine.allows("modify_member", nobody, image), "the owner does not answer for others"
    assert not engine.allows("publicize_image", nobody, image), "which has one default"
    assert engine.allows("stores_info_detail", engine.caller(made("service")), {})


@pytest.mark.parametrize(
    ("scope", "passes"), [({}, True), ({"domain_id": "d"}, False), ({"system_scope": "all"}, False)]
)
def test_rules_are_for_tokens_of_projects(scope: dict[str, str], passes: bool) -> None:
    engine = PolicyEngine()
    admin = engine.caller(made("admin", project=None if scope else "alpha", **scope))
    assert admin.principal.is_admin is passes
    assert engine.allows("context_is_admin", admin, {}), "the base rules answer for every scope"
    assert engine.allows("get_images", admin, {}) is passes
    found = engine.explain("get_images", admin, {})
    assert found.passed is passes
    assert passes or "this rule is for tokens of a project" in found.refusal
    assert engine.outlook("publicize_image", admin) is passes
