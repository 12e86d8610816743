"""Who asks, in the form checks read."""

from collections.abc import Mapping
from typing import Any

from intaglio.domain.principal import Principal


class Caller:
    """A principal with its credentials, made once a request. Their names are oslo.policy's."""

    __slots__ = ("credentials", "principal", "roles", "scope")

    def __init__(self, principal: Principal) -> None:
        self.principal = principal
        self.roles = frozenset(role.lower() for role in principal.roles)
        self.scope = "system" if principal.system_scope else "domain" if principal.domain_id else "project"
        self.credentials: Mapping[str, Any] = _credentials(principal)


def _credentials(principal: Principal) -> dict[str, Any]:
    """What is not known is absent, so that a caller without a project never matches an image without an owner."""
    given = {
        "user_id": principal.user_id,
        "user": principal.user_id,
        "project_id": principal.project_id,
        "tenant": principal.project_id,
        "domain_id": principal.domain_id,
        "system_scope": principal.system_scope,
    }
    found: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return found | {"roles": sorted(principal.roles), "is_admin_project": True}
