"""Who is asking, once identity has been established."""

import msgspec


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """The service that asks on a user's behalf, by a token of its own. `roles` are lower case."""

    user_id: str | None = None
    user_domain_id: str | None = None
    project_id: str | None = None
    project_domain_id: str | None = None
    roles: frozenset[str] = frozenset()


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """The caller of one request. `roles` are lower case, and hold those that others imply.

    `project_id` is set for a caller who acts in a project; `domain_id` or `system_scope` say that the caller acts on a
    domain or on the whole system instead, for which this service has nothing to do.
    """

    user_id: str | None = None
    project_id: str | None = None
    roles: frozenset[str] = frozenset()
    is_admin: bool = False
    read_only: bool = False
    user_domain_id: str | None = None
    project_domain_id: str | None = None
    domain_id: str | None = None
    system_scope: str | None = None
    is_admin_project: bool = True  # Keystone's word, which few installations use; without it: yes
    service: Service | None = None

    @property
    def beyond_projects(self) -> bool:
        """Whether the caller acts on a domain or on the system, and so in no project."""
        return self.system_scope is not None or (self.domain_id is not None and self.project_id is None)
