"""The interface each way of authenticating fills."""

from collections.abc import Mapping
from typing import Protocol

from intaglio.base.errors import Unauthenticated
from intaglio.domain.principal import Principal


class CredentialsRefused(Unauthenticated):
    """Credentials are missing or wrong; the text never says which part was."""

    code = "credentials-refused"


class Authenticator(Protocol):
    """Turns a request's headers into a caller."""

    challenge: str
    """The `WWW-Authenticate` value sent with a 401."""

    async def authenticate(self, headers: Mapping[str, str]) -> Principal:
        """The caller, from header names in lower case. Raises `CredentialsRefused`, or `Unavailable`."""
        ...

    async def close(self) -> None:
        """Release connections. The authenticator is not used afterwards."""
        ...
