"""Checks mean what they mean to oslo.policy, and what that library would quietly refuse is said."""

import logging
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oslo_policy import policy

from intaglio.authz.caller import Caller
from intaglio.authz.checks import CheckInvalid, parse
from intaglio.authz.engine import PolicyEngine
from intaglio.authz.explain import explain
from intaglio.authz.ruleset import RuleSet, Written
from intaglio.domain.principal import Principal

SINGLE = (
    "@",
    "!",
    "role:reader",
    "role:ADMIN",
    "role:%(wanted)s",
    "rule:base",
    "rule:other",
    "project_id:%(project_id)s",
    "project_id:%(absent)s",
    "project_id:alpha",
    "user_id:%(user)s",
    "tenant:alpha",
    "roles:reader",
    "credentials.x:reader",
    "nothing:alpha",
    "'public':%(visibility)s",
    '"private":%(visibility)s',
    "True:%(protected)s",
    "5:%(size)s",
    "'100%%':%(share)s",
    "is_admin_project:True",
)
checks = st.recursive(
    st.sampled_from(SINGLE),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(("and", "or")), inner).map(lambda parts: f"({' '.join(parts)})"),
        st.tuples(inner, st.sampled_from(("and", "or")), inner, st.sampled_from(("AND", "or")), inner).map(" ".join),
        inner.map(lambda text: f"not {text}"),
        inner.map(lambda text: f"( {text} )"),
    ),
    max_leaves=8,
)
targets = st.fixed_dictionaries(
    {"visibility": st.sampled_from(("public", "private"))},
    optional={
        "project_id": st.sampled_from(("alpha", "beta")),
        "user": st.just("u"),
        "wanted": st.sampled_from(("reader", "Member")),
        "protected": st.booleans(),
        "size": st.sampled_from((5, 6)),
        "share": st.just("100%"),
    },
)
people = st.builds(
    Principal,
    user_id=st.sampled_from((None, "u", "v")),
    project_id=st.sampled_from((None, "alpha", "beta")),
    roles=st.frozensets(st.sampled_from(("reader", "member", "admin"))),
)


@settings(deadline=None)
@given(text=checks, target=targets, principal=people)
def test_decisions_are_those_of_the_library(text: str, target: dict[str, Any], principal: Principal) -> None:
    others = {"base": "role:admin", "other": "not rule:base or project_id:%(project_id)s"}
    rules = RuleSet((), {name: Written(check, "file", 1) for name, check in {**others, "it": text}.items()})
    assert rules.errors == []
    caller = Caller(principal)

    library = policy.Enforcer.__new__(policy.Enforcer)  # a check reads nothing of it but the rules
    library.rules = policy.Rules.from_dict({**others, "it": text})
    theirs = bool(library.rules["it"](target, dict(caller.credentials), library, "it"))
    assert rules.decision("it")(target, caller) == theirs
    assert explain(rules, "it", caller, target).passed == theirs


@settings(deadline=None)
@given(text=checks, known=targets, more=targets, principal=people)
def test_what_does_not_depend_on_the_rest_is_so_whatever_the_rest(
    text: str, known: dict[str, Any], more: dict[str, Any], principal: Principal
) -> None:
    others = {"base": "role:admin", "other": "role:member"}
    rules = RuleSet((), {name: Written(check, "file", 1) for name, check in {**others, "it": text}.items()})
    caller = Caller(principal)
    answer = explain(rules, "it", caller, known, partial=True).passed
    if answer is not None:
        assert rules.decision("it")({**more, **known}, caller) == answer


@settings(deadline=None, max_examples=300)
@given(text=st.lists(st.sampled_from((*SINGLE, "and", "or", "not", "(", ")", "bare", "a:%b", "''", "'x'")), max_size=7))
def test_what_the_library_does_not_understand_is_refused(text: list[str]) -> None:
    """It says so in its log, and nowhere else: for each such text there must be an error here."""
    said: list[logging.LogRecord] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record)

    handler = Listener()
    logger = logging.getLogger("oslo_policy._parser")
    logger.addHandler(handler)
    propagated, logger.propagate = logger.propagate, False
    try:
        policy.Rules.from_dict({"it": " ".join(text)})
        understood = not said
        said.clear()
        try:
            parse(" ".join(text))
            accepted = True
        except CheckInvalid:
            accepted = False
        assert not said, "what is not sound never reaches the library"
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagated
    broken_percent = "a:%b" in text
    assert accepted == (understood and not broken_percent)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("role:a role:b", "does not fit together"),
        ("(role:a", "does not fit together"),
        ("admin", "'admin' is no check: write role:NAME"),
        ("role:a or", "does not fit together"),
        ("   ", "does not fit together"),
        ("project_id:%(project_id)", "is not the start of %(name)s"),
        ("project_id:%s", "is not the start of %(name)s"),
        ("role:100%", "is not the start of %(name)s"),
        ("'a b':%(x)s", "is no check"),
        ("user.:x", "is neither a quoted text"),
        (":x", "has nothing before its colon"),
        ("'a':'b'", "is quoted as a whole"),
        ("http://example.org/%(id)s", "asks another server"),
        ({"a": "b"}, "a rule is a text"),
        ([[["role:a"]]], "a list of checks holds texts"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_mistakes_are_named(text: Any, says: str) -> None:
    with pytest.raises(CheckInvalid) as caught:
        parse(text)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("", "@"),
        ([], "@"),
        ([[]], "!"),
        ([["role:a", "role:b"], "role:c"], "((role:a and role:b) or role:c)"),
        ("not role:a and role:b", "(not role:a and role:b)"),
        ("role:a or role:b and role:c", "(role:a or (role:b and role:c))"),
    ],
    ids=str,
)
def test_forms(text: Any, meaning: str) -> None:
    assert str(parse(text)) == meaning


def test_a_list_of_images_looks_at_few_things_each() -> None:
    """The work an image costs is what its check reads, not what it could read; nothing is parsed or looked up anew."""
    engine = PolicyEngine()
    caller = engine.caller(Principal(user_id="u", project_id="alpha", roles=frozenset({"reader"})))
    reads: list[str] = []

    class Target(dict[str, str]):
        def __getitem__(self, key: str) -> str:
            reads.append(key)
            return super().__getitem__(key)

    assert engine.allows("get_image", caller, Target(project_id="alpha", visibility="private"))
    assert reads == ["project_id"]
    reads.clear()
    assert not engine.allows("get_image", caller, Target(project_id="beta", visibility="private"))
    assert reads == ["project_id", "member_id", "visibility", "visibility", "visibility"]
    admin = engine.caller(Principal(roles=frozenset({"admin"})))
    assert engine.outlook("get_image", admin) is True, "an administrator's list asks no image"
