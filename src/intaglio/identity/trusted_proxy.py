"""Identity headers (`X-Identity-Status` and its kin) that a proxy or middleware in front of this service has set.

They are believed from the configured addresses only, by the address of the connection itself. No other way of
authenticating looks at them, so that they cannot be forged there.
"""

import ipaddress
from collections.abc import Iterable, Mapping

from intaglio.domain.principal import Principal, Service
from intaglio.identity.base import Asked, CredentialsMissing, CredentialsRefused
from intaglio.identity.roles import ADMIN
from intaglio.identity.settings import Network

_OF = ("user-id", "project-id", "user-domain-id", "project-domain-id", "domain-id", "roles")
NAMES = frozenset(
    (
        "x-identity-status", "x-service-identity-status", "x-is-admin-project", "openstack-system-scope",
        "x-tenant-id", "x-tenant", "x-user", "x-role",
        *(f"x-{name}" for name in _OF), *(f"x-service-{name}" for name in _OF),
    )
)  # fmt: skip
"""The headers that decide, in lower case; each may stand once."""


class TrustedProxy:
    """Takes the caller from headers, as Glance does behind keystonemiddleware."""

    def __init__(self, proxies: Iterable[Network], *, www_authenticate_uri: str | None = None) -> None:
        self._proxies = tuple(proxies)
        self.challenge = f'Keystone uri="{www_authenticate_uri}"' if www_authenticate_uri else 'Proxy realm="Intaglio"'

    async def authenticate(self, asked: Asked) -> Principal:
        """The caller that the proxy names. Raises `CredentialsRefused`."""
        headers = asked.headers
        if not self._trusts(asked.peer):
            raise CredentialsRefused("This service believes who is asking only from the proxies it is told of.")
        names = [name for name in headers if name in NAMES]
        if len(names) != len(set(names)):
            raise CredentialsRefused("An identity header stands twice: the proxy must replace what clients send.")
        if headers.get("x-identity-status") != "Confirmed":
            raise CredentialsMissing("The proxy in front of this service has not confirmed who is asking.")
        return _principal(headers)

    async def close(self) -> None:
        return None

    def _trusts(self, peer: str | None) -> bool:
        try:
            address = ipaddress.ip_address(peer or "")
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address):
            address = address.ipv4_mapped or address
        return any(address in network for network in self._proxies)


def _principal(headers: Mapping[str, str]) -> Principal:
    roles = _roles(headers.get("x-roles") or headers.get("x-role"))
    project_id = headers.get("x-project-id") or headers.get("x-tenant-id") or headers.get("x-tenant") or None
    return Principal(
        user_id=headers.get("x-user-id") or headers.get("x-user") or None,
        user_domain_id=headers.get("x-user-domain-id") or None,
        project_id=project_id,
        project_domain_id=headers.get("x-project-domain-id") or None,
        domain_id=headers.get("x-domain-id") or None,
        system_scope=headers.get("openstack-system-scope") or None,
        roles=roles,
        is_admin=ADMIN in roles and project_id is not None,
        is_admin_project=headers.get("x-is-admin-project", "true").lower() == "true",
        service=_service(headers),
    )


def _service(headers: Mapping[str, str]) -> Service | None:
    if headers.get("x-service-identity-status", "Confirmed") != "Confirmed" or not headers.get("x-service-roles"):
        return None
    return Service(
        user_id=headers.get("x-service-user-id") or None,
        user_domain_id=headers.get("x-service-user-domain-id") or None,
        project_id=headers.get("x-service-project-id") or None,
        project_domain_id=headers.get("x-service-project-domain-id") or None,
        roles=_roles(headers.get("x-service-roles")),
    )


def _roles(text: str | None) -> frozenset[str]:
    return frozenset(role.strip().lower() for role in (text or "").split(",") if role.strip())
