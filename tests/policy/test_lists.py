"""Whether a list has to ask about each image: with the default rules never, whoever looks."""

import pytest

from intaglio.authz.engine import PolicyEngine
from intaglio.domain.principal import Principal
from intaglio.services.listable import list_outlook


def answer(*roles: str, project: str | None = "alpha", **rules: str) -> bool | None:
    engine = PolicyEngine(overrides=rules)
    caller = engine.caller(Principal(user_id="u", project_id=project, roles=frozenset(roles)))
    first = list_outlook(engine, caller)
    assert list_outlook(engine, caller) is first, "remembered"
    return first


def test_with_the_default_no_image_is_asked_about() -> None:
    assert answer("reader") is True
    assert answer("member", "reader") is True
    assert answer("admin") is True
    assert answer("reader", project=None) is True, "public and community images"
    assert answer("member") is False, "without the role reader"
    assert answer() is False


@pytest.mark.parametrize(
    ("check", "found"),
    [
        ("@", True),
        ("!", False),
        ("role:reader", True),
        ("role:other", False),
        ("project_id:%(project_id)s", None),
        ("role:reader and not 'yes':%(embargo)s", None),
        ("'public':%(visibility)s or 'community':%(visibility)s or 'shared':%(visibility)s", None),
        ("rule:service_api or role:reader", True),
    ],
    ids=str,
)
def test_rules_of_the_operator(check: str, found: bool | None) -> None:
    assert answer("reader", get_image=check) is found
