"""No authentication: everyone who can connect is an admin. For one machine and one person."""

from intaglio.domain.principal import Principal
from intaglio.identity.base import Asked
from intaglio.identity.roles import ADMIN, with_implied

EVERYONE = Principal(user_id="admin", project_id="admin", roles=with_implied([ADMIN]), is_admin=True)
"""The same user and project as the first local user: what was uploaded stays one's own when the mode changes."""


class NoAuthentication:
    """Asks nobody for anything."""

    challenge = 'Basic realm="Intaglio"'

    async def authenticate(self, asked: Asked) -> Principal:  # noqa: ARG002 - the interface
        return EVERYONE

    async def close(self) -> None:
        return None
