"""What follows from Keystone's word on a token: scope, roles, bindings, and the calls of an application credential."""

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.identity.tokens import AccessRule, Token, read_token

DOMAIN = {"id": "default", "name": "Default"}
PLAIN: dict[str, Any] = {
    "methods": ["password"],
    "user": {"id": "u1", "name": "mia", "domain": DOMAIN, "password_expires_at": None},
    "audit_ids": ["x"],
    "expires_at": "2030-01-01T12:00:00.000000Z",
    "issued_at": "2030-01-01T11:00:00.000000Z",
}
PROJECT = {"project": {"id": "p1", "name": "alpha", "domain": DOMAIN}, "is_domain": False}
ROLES = {"roles": [{"id": "r1", "name": "Reader"}, {"id": "r2", "name": "ADMIN"}]}


def token(**more: Any) -> Token:
    return read_token(json.dumps({"token": PLAIN | more}).encode())


def test_a_project() -> None:
    found = token(**PROJECT, **ROLES).principal()
    assert (found.user_id, found.project_id) == ("u1", "p1")
    assert (found.user_domain_id, found.project_domain_id, found.domain_id) == ("default", "default", None)
    assert found.roles == {"reader", "admin"}  # in lower case
    assert found.is_admin
    assert not found.beyond_projects


@pytest.mark.parametrize("scope", [{"domain": DOMAIN}, {"system": {"all": True}}], ids=["domain", "system"])
def test_an_administrator_of_something_else_is_none_here(scope: dict[str, Any]) -> None:
    found = token(**scope, **ROLES).principal()
    assert found.project_id is None
    assert found.beyond_projects
    assert not found.is_admin


def test_without_any_scope() -> None:
    found = token().principal()
    assert (found.project_id, found.roles, found.is_admin) == (None, frozenset(), False)
    assert not found.beyond_projects


def test_admin_project_is_keystones_word() -> None:
    assert token(**PROJECT).principal().is_admin_project
    assert not token(**PROJECT, is_admin_project=False).principal().is_admin_project


@pytest.mark.parametrize(("now", "over"), [("11:59:59", False), ("12:00:00", True), ("12:00:01", True)])
def test_expiry(now: str, over: bool) -> None:
    assert token().expired(datetime.fromisoformat(f"2030-01-01T{now}")) is over


BOUND = {"bind": {"kerberos": "mia@EXAMPLE.ORG"}}
STRANGE = {"bind": {"x509": "mia"}}


@pytest.mark.parametrize(
    ("mode", "refused"),
    [
        ("disabled", []),
        ("permissive", ["kerberos"]),
        ("strict", ["kerberos", "x509"]),
        ("required", ["none", "kerberos", "x509"]),
        ("kerberos", ["none", "kerberos", "x509"]),
    ],
)
def test_bindings_cannot_be_confirmed(mode: str, refused: list[str]) -> None:
    tokens = {"none": token(), "kerberos": token(**BOUND), "x509": token(**STRANGE)}
    assert [name for name, found in tokens.items() if found.bound(mode)] == refused


@pytest.mark.parametrize(
    ("rule", "path", "allowed"),
    [
        ("/v2/images", "/v2/images", True),
        ("/v2/images", "/v2/images/", False),
        ("/v2/images", "/v2/imagesx", False),
        ("/v2/images/*", "/v2/images/1", True),
        ("/v2/images/*", "/v2/images/1/file", False),
        ("/v2/images/*", "/v2/images/", False),
        ("/v2/images/{id}/file", "/v2/images/1/file", True),
        ("/v2/images/{id}/file", "/v2/images/1/2/file", False),
        ("/v2/**", "/v2/images/1/file", True),
        ("/v2/**", "/v3/images", False),
        ("/v2/im.ges", "/v2/images", False),
        ("/v2/images", "/v2/images\n", False),
    ],
)
def test_paths_of_access_rules(rule: str, path: str, allowed: bool) -> None:
    assert AccessRule("image", "GET", rule).allows("image", "GET", path) is allowed


def test_an_access_rule_is_for_one_service_and_method() -> None:
    rule = AccessRule("image", "GET", "/v2/**")
    assert not rule.allows("compute", "GET", "/v2/images")
    assert not rule.allows("image", "PUT", "/v2/images")


@given(st.text(alphabet="/abc.*+?[](){}^$\\|", max_size=30))
def test_any_text_is_a_pattern_and_plain_text_means_itself(path: str) -> None:
    rule = AccessRule("image", "GET", path)
    if "*" not in path and "{" not in path:
        assert rule.allows("image", "GET", path)
        assert not rule.allows("image", "GET", path + "x")
    else:
        rule.allows("image", "GET", path)  # whatever it means, it is not an error


@pytest.mark.parametrize(
    "answer",
    [b"", b"<html>", b"[]", b"{}", b'{"token": {}}', b'{"token": {"user": {"id": "u"}}}', b"\xff"],
)
def test_another_answer_is_no_token(answer: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever its text
        read_token(answer)


def test_a_time_without_zone_is_no_token() -> None:
    with pytest.raises(ValueError, match="time zone"):
        token(expires_at="2030-01-01T12:00:00")
