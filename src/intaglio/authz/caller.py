"""Who asks, in the form checks read."""

from collections.abc import Mapping
from typing import Any

from intaglio.domain.principal import Principal, Service

_NAMES = ("user_id", "user_domain_id", "project_id", "project_domain_id", "domain_id", "system_scope")


class Caller:
    """A principal with its credentials, made once a request. Their names are oslo.policy's."""

    __slots__ = ("credentials", "principal", "roles", "scope")

    def __init__(self, principal: Principal) -> None:
        self.principal = principal
        self.roles = frozenset(role.lower() for role in principal.roles)
        beyond = "system" if principal.system_scope is not None else "domain"
        self.scope = beyond if principal.beyond_projects else "project"
        self.credentials: Mapping[str, Any] = _credentials(principal)


def _credentials(principal: Principal) -> dict[str, Any]:
    """What is not known is absent, so that a caller without a project never matches an image without an owner."""
    given = {name: getattr(principal, name) for name in _NAMES}
    given |= {"user": principal.user_id, "tenant": principal.project_id}
    found: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    found |= {"roles": sorted(principal.roles), "is_admin_project": principal.is_admin_project}
    return found if principal.service is None else found | _credentials_of(principal.service)


def _credentials_of(service: Service) -> dict[str, Any]:
    """What rules see of the service that asks for somebody. No default rule looks at it."""
    found = {f"service_{name}": getattr(service, name) for name in service.__struct_fields__ if name != "roles"}
    known = {name: value for name, value in found.items() if value is not None}
    return known | {"service_roles": sorted(service.roles)}
