"""Identity headers: believed from the proxies named, by the address of the connection, and only when they are clear."""

import ipaddress

import pytest
from starlette.datastructures import Headers

from intaglio.identity.base import Asked, CredentialsMissing, CredentialsRefused
from intaglio.identity.trusted_proxy import TrustedProxy

pytestmark = pytest.mark.anyio

PROXIES = [ipaddress.ip_network(text) for text in ("10.0.0.5", "192.0.2.0/24", "fd00::/64")]
MIA = {"x-identity-status": "Confirmed", "x-user-id": "u", "x-project-id": "p", "x-roles": "Member,reader, "}


def asked(headers: dict[str, str], peer: str | None = "10.0.0.5") -> Asked:
    return Asked(headers, "GET", "/v2/images", peer)


async def test_who_the_proxy_names() -> None:
    more = {"x-user-domain-id": "d1", "x-project-domain-id": "d2", "x-is-admin-project": "False"}
    found = await TrustedProxy(PROXIES).authenticate(asked(MIA | more))
    assert (found.user_id, found.project_id, found.roles) == ("u", "p", frozenset({"member", "reader"}))
    assert (found.user_domain_id, found.project_domain_id, found.is_admin_project) == ("d1", "d2", False)
    assert not found.is_admin
    assert found.service is None


async def test_older_names() -> None:
    older = {"x-identity-status": "Confirmed", "x-user": "u", "x-tenant-id": "p", "x-role": "admin"}
    found = await TrustedProxy(PROXIES).authenticate(asked(older))
    assert (found.user_id, found.project_id, found.is_admin) == ("u", "p", True)


async def test_system_scope_is_no_administrator_here() -> None:
    headers = {"x-identity-status": "Confirmed", "x-roles": "admin", "openstack-system-scope": "all"}
    found = await TrustedProxy(PROXIES).authenticate(asked(headers))
    assert found.beyond_projects
    assert not found.is_admin


@pytest.mark.parametrize(("status", "roles"), [("Confirmed", {"service"}), ("Invalid", None)])
async def test_the_service_that_asks(status: str, roles: set[str] | None) -> None:
    more = {"x-service-identity-status": status, "x-service-roles": "service", "x-service-user-id": "nova"}
    found = await TrustedProxy(PROXIES).authenticate(asked(MIA | more))
    assert (found.service.roles if found.service else None) == roles


@pytest.mark.parametrize("peer", ["10.0.0.5", "192.0.2.77", "fd00::1", "::ffff:10.0.0.5"])
async def test_believed(peer: str) -> None:
    assert (await TrustedProxy(PROXIES).authenticate(asked(MIA, peer))).user_id == "u"


@pytest.mark.parametrize("peer", ["10.0.0.6", "192.0.3.1", "fd01::1", "::ffff:10.0.0.6", "", "somewhere", None])
async def test_not_believed(peer: str | None) -> None:
    with pytest.raises(CredentialsRefused):
        await TrustedProxy(PROXIES).authenticate(asked(MIA, peer))


async def test_forwarding_headers_change_nobodys_address() -> None:
    with pytest.raises(CredentialsRefused):
        await TrustedProxy(PROXIES).authenticate(asked(MIA | {"x-forwarded-for": "10.0.0.5"}, "203.0.113.1"))


@pytest.mark.parametrize("status", [None, "Invalid", "confirmed", "Confirmed,Confirmed"])
async def test_not_confirmed(status: str | None) -> None:
    headers = {name: value for name, value in MIA.items() if name != "x-identity-status"}
    with pytest.raises(CredentialsMissing):
        await TrustedProxy(PROXIES).authenticate(asked(headers | ({"x-identity-status": status} if status else {})))


@pytest.mark.parametrize("name", ["x-roles", "x-project-id", "x-identity-status", "x-service-roles"])
async def test_a_header_that_the_proxy_left_standing_beside_its_own(name: str) -> None:
    raw = [(key.encode(), value.encode()) for key, value in (MIA | {name: "admin"} | MIA).items()]
    headers = Headers(raw=[(name.encode(), b"admin"), *raw])
    with pytest.raises(CredentialsRefused, match="twice"):
        await TrustedProxy(PROXIES).authenticate(Asked(headers, "GET", "/", "10.0.0.5"))


async def test_challenge() -> None:
    assert TrustedProxy(PROXIES, www_authenticate_uri="https://id/v3").challenge == 'Keystone uri="https://id/v3"'
    assert TrustedProxy(PROXIES).challenge.startswith("Proxy ")
