"""Tokens of a real Keystone: each scope, services and their grace, application credentials, and a wrong login."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from intaglio.base.errors import Unavailable
from intaglio.identity.base import CredentialsMissing, CredentialsRefused
from intaglio.identity.keystone import KeystoneFailed, LoginInvalid, ServiceRefused
from intaglio.identity.keystone_session import KeystoneSession
from tests.identity.keystone_part import Part, part, settings
from tests.starters.base import wait_until
from tests.starters.keystone import Keystone, keystone
from tests.starters.keystone_people import PASSWORD

pytestmark = [pytest.mark.real, pytest.mark.anyio, pytest.mark.timeout(600)]  # the first time Keystone is installed


@pytest.fixture
async def ours(identity: Keystone) -> AsyncIterator[Part]:
    async with part(identity) as made:
        yield made


@pytest.fixture(scope="module")
def short_tokens(identity: Keystone, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Tokens of mia, stan and nova that were good once and have ended."""
    with keystone(tmp_path_factory.mktemp("brief"), expiration=1) as brief:
        made = {
            "mia": brief.token("mia", project="alpha"),
            "stan": brief.token("stan", project="beta"),
            "nova": brief.token("nova", project="service"),
        }
    wait_until(lambda: all(identity.refuses(token) for token in made.values()), "the end of the tokens")
    return made


async def test_a_project(ours: Part, identity: Keystone) -> None:
    found = await ours.who(identity.token("mia", project="alpha"))
    assert (found.user_id, found.project_id) == (identity.ids["user/mia"], identity.ids["project/alpha"])
    assert found.roles == {"member", "reader"}
    assert (found.user_domain_id, found.project_domain_id) == ("default", "default")
    assert not found.is_admin


@pytest.mark.parametrize(
    ("user", "project", "roles"),
    [
        ("root", "ops", {"admin", "manager", "member", "reader"}),
        ("max", "alpha", {"manager", "member", "reader"}),
        ("rea", "alpha", {"reader"}),
        ("nova", "service", {"service"}),
    ],
)
async def test_roles_and_those_they_imply(
    ours: Part, identity: Keystone, user: str, project: str, roles: set[str]
) -> None:
    found = await ours.who(identity.token(user, project=project))
    assert found.roles == roles
    assert found.is_admin is ("admin" in roles)


@pytest.mark.parametrize(
    ("user", "scope", "beyond"),
    [("admin", {"system": "all"}, True), ("dora", {"domain": "Default"}, True), ("mia", {}, False)],
)
async def test_other_scopes(ours: Part, identity: Keystone, user: str, scope: dict[str, str], beyond: bool) -> None:
    found = await ours.who(identity.token(user, **scope))
    assert found.user_id == identity.ids[f"user/{user}"]
    assert found.project_id is None
    assert found.beyond_projects is beyond
    assert not found.is_admin


async def test_a_token_is_asked_about_once(ours: Part, identity: Keystone) -> None:
    token = identity.token("mia", project="alpha")
    await asyncio.gather(*(ours.who(token) for _ in range(40)))
    await ours.who(token)
    await ours.headers({"x-storage-token": f" {token} "})
    assert ours.asked == [token]


async def test_without_a_token(ours: Part) -> None:
    for headers in ({}, {"x-auth-token": ""}, {"x-auth-token": "  "}, {"x-service-token": "x"}):
        with pytest.raises(CredentialsMissing):
            await ours.headers(headers)
    assert ours.authenticator.challenge == 'Keystone uri="https://identity.example.org/v3"'


@pytest.mark.parametrize(
    "token", ["x", "gAAAAAB", "gAAAAAB" + "a" * 200, "a.b.c", "a/b?c=d&e", "%00%ff", "a" * 7000, "é", "a b", "\x7f"]
)
async def test_what_is_no_token(ours: Part, token: str) -> None:
    """Never a failure: 401 is the answer, whatever the text."""
    with pytest.raises(CredentialsRefused):
        await ours.who(token)


async def test_forged_headers_are_not_looked_at(ours: Part, identity: Keystone) -> None:
    forged = {"x-identity-status": "Confirmed", "x-user-id": "u", "x-project-id": "p", "x-roles": "admin"}
    with pytest.raises(CredentialsMissing):
        await ours.headers(forged)
    found = await ours.headers(
        forged | {"x-auth-token": identity.token("rea", project="alpha"), "x-service-roles": "service"}
    )
    assert (found.project_id, found.roles, found.service) == (
        identity.ids["project/alpha"],
        frozenset({"reader"}),
        None,
    )


async def test_revoked(ours: Part, identity: Keystone) -> None:
    """Known tokens are believed for their time; where that time is none, revocation counts at once."""
    token = identity.token("mia", project="alpha")
    async with part(identity, token_cache_time=-1) as careful:
        await ours.who(token)
        await careful.who(token)
        identity.revoke(token)
        assert (await ours.who(token)).user_id == identity.ids["user/mia"]
        with pytest.raises(CredentialsRefused):
            await careful.who(token)
    async with part(identity) as another:
        with pytest.raises(CredentialsRefused):
            await another.who(token)


async def test_an_expired_token_is_refused(ours: Part, short_tokens: dict[str, str]) -> None:
    with pytest.raises(CredentialsRefused):
        await ours.who(short_tokens["mia"])


async def test_a_service_may_bring_an_expired_token(
    ours: Part, identity: Keystone, short_tokens: dict[str, str]
) -> None:
    with pytest.raises(CredentialsRefused):
        await ours.who(short_tokens["stan"])  # that it was refused a moment ago changes nothing
    found = await ours.who(short_tokens["stan"], identity.token("nova", project="service"))
    assert found.user_id == identity.ids["user/stan"]
    assert found.service is not None
    assert (found.service.user_id, found.service.roles) == (identity.ids["user/nova"], frozenset({"service"}))
    with pytest.raises(CredentialsRefused):
        await ours.who(short_tokens["stan"])  # and the user alone is refused as before


@pytest.mark.parametrize("who", ["nobody", "a user", "an expired service", "the expired user"])
async def test_no_grace(ours: Part, identity: Keystone, short_tokens: dict[str, str], who: str) -> None:
    service = {
        "nobody": "nonsense",
        "a user": identity.token("mia", project="alpha"),
        "an expired service": short_tokens["nova"],
        "the expired user": short_tokens["mia"],
    }[who]
    with pytest.raises(CredentialsRefused):
        await ours.who(short_tokens["mia"], service)


@pytest.mark.parametrize(
    ("changes", "counts", "grace"),
    [
        ({}, False, False),
        ({"service_token_roles": frozenset({"member"})}, True, True),
        ({"service_token_roles_required": False}, True, False),
    ],
    ids=["default", "member", "any"],
)
async def test_which_roles_make_a_service(
    identity: Keystone, short_tokens: dict[str, str], changes: dict[str, Any], counts: bool, grace: bool
) -> None:
    bringing = identity.token("mia", project="alpha")
    async with part(identity, **changes) as ours:
        found = await ours.who(identity.token("stan", project="beta"), bringing)
        assert (found.service is not None) is counts
        if grace:
            await ours.who(short_tokens["stan"], bringing)
        else:
            with pytest.raises(CredentialsRefused):
                await ours.who(short_tokens["stan"], bringing)


async def test_application_credentials(ours: Part, identity: Keystone) -> None:
    found = await ours.who(identity.token_of_application("pipeline"), call="DELETE /v2/images/1")
    assert (found.user_id, found.project_id) == (identity.ids["user/mia"], identity.ids["project/alpha"])
    assert found.roles == {"member", "reader"}


@pytest.mark.parametrize(
    ("call", "allowed"),
    [
        ("GET /v2/images", True),
        ("GET /v2/images/1", True),
        ("GET /v2/schemas/image", True),
        ("GET /v2/images/1/file", False),
        ("POST /v2/images", False),
        ("GET /v2/tasks", False),
    ],
)
async def test_access_rules(ours: Part, identity: Keystone, call: str, allowed: bool) -> None:
    token = identity.token_of_application("lister")
    if allowed:
        await ours.who(token, call=call)
    else:
        with pytest.raises(CredentialsRefused, match="access rules"):
            await ours.who(token, call=call)
        with pytest.raises(CredentialsRefused, match="access rules"):
            await ours.who(token, "nonsense", call=call)  # a header alone makes no service
    await ours.who(token, identity.token("nova", project="service"), call=call)  # a service acts further on


async def test_access_rules_are_for_the_service_type(identity: Keystone) -> None:
    async with part(identity, service_type="volume") as ours:
        with pytest.raises(CredentialsRefused, match="access rules"):
            await ours.who(identity.token_of_application("lister"))


async def test_another_kind_of_login(identity: Keystone) -> None:
    """The service's own login may be an application credential; that of mia may validate only her own tokens."""
    login = {
        "auth_url": identity.url,
        "application_credential_id": identity.ids["application/pipeline"],
        "application_credential_secret": PASSWORD,
    }
    async with part(identity, auth_type="v3applicationcredential", login=login) as ours:
        assert (await ours.who(identity.token("mia", project="alpha"))).roles == {"member", "reader"}


async def test_a_token_as_login(identity: Keystone) -> None:
    token = identity.token("glance", project="service")
    login = {"endpoint": identity.url, "token": token}
    async with part(identity, auth_type="admin_token", login=login) as ours:
        await ours.who(identity.token("mia", project="alpha"))


@pytest.mark.parametrize(
    ("login", "said"),
    [
        ({"password": "a wrong one"}, "refuses the login"),
        ({"username": "nobody-of-this-name"}, "refuses the login"),
        ({"username": "rea", "project_name": "alpha"}, "validate no tokens"),
    ],
    ids=["password", "user", "role"],
)
async def test_a_wrong_login_of_the_service_is_not_the_users_fault(
    identity: Keystone, login: dict[str, str], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    right = dict(settings(identity).login)
    async with part(identity, login=right | login) as ours:
        with caplog.at_level(logging.ERROR), pytest.raises(ServiceRefused):
            await ours.who(identity.token("mia", project="alpha"))
    assert said in caplog.text
    assert "keystone_authtoken" in caplog.text
    assert PASSWORD not in caplog.text
    assert "a wrong one" not in caplog.text


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"region_name": "Nowhere"}, "no endpoint"), ({"interface": "strange"}, "no endpoint")],
    ids=["region", "interface"],
)
async def test_no_such_endpoint(
    identity: Keystone, changes: dict[str, str], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with part(identity, **changes) as ours:
        with caplog.at_level(logging.ERROR), pytest.raises(KeystoneFailed):
            await ours.who(identity.token("mia", project="alpha"))
    assert said in caplog.text


async def test_another_server_is_no_keystone(identity: Keystone, caplog: pytest.LogCaptureFixture) -> None:
    """Its 404 is no word on the token."""
    login = {"endpoint": f"{identity.url}/nowhere", "token": "x"}
    async with part(identity, auth_type="admin_token", login=login) as ours:
        with caplog.at_level(logging.ERROR), pytest.raises(Unavailable):
            await ours.who(identity.token("mia", project="alpha"))
    assert "is no Keystone" in caplog.text


def test_a_kind_of_login_that_is_none(identity: Keystone) -> None:
    with pytest.raises(LoginInvalid, match=r"auth_type 'passwort' is no kind of login; kinds are .*v3password"):
        KeystoneSession(settings(identity, auth_type="passwort"))
    with pytest.raises(LoginInvalid, match="needs also: auth_url"):
        KeystoneSession(settings(identity, login={"username": "x"}))


def test_settings_do_not_show_the_login(identity: Keystone, tmp_path: Path) -> None:
    assert PASSWORD not in repr(settings(identity))
