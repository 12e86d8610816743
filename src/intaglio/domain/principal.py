"""Who is asking, once identity has been established."""

import msgspec


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """The service that asks on a user's behalf, by a token of its own. `roles` are lower case."""

    roles: frozenset[str] = frozenset()


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """The caller of one request. `roles` are lower case."""

    user_id: str | None = None
    project_id: str | None = None
    roles: frozenset[str] = frozenset()
    is_admin: bool = False
    read_only: bool = False
    service: Service | None = None
