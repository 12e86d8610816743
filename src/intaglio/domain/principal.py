"""Who is asking, once identity has been established."""

import msgspec


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """The caller of one request. `roles` are lower case. Without a domain or the system, the scope is the project."""

    user_id: str | None = None
    project_id: str | None = None
    domain_id: str | None = None  # of a token for a domain
    system_scope: str | None = None  # "all" of a token for the whole system
    roles: frozenset[str] = frozenset()
    is_admin: bool = False
    read_only: bool = False
