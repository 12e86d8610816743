"""Who is asking, once identity has been established."""

import msgspec


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """The caller of one request. Roles are lower case."""

    user_id: str | None = None
    project_id: str | None = None
    roles: frozenset[str] = frozenset()
    service_roles: frozenset[str] = frozenset()  # of the service that asks on the user's behalf; no policy sees them
    is_admin: bool = False
    read_only: bool = False
