"""The interface each way of authenticating fills."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from intaglio.base.errors import Unauthenticated
from intaglio.domain.principal import Principal


class CredentialsRefused(Unauthenticated):
    """Credentials are missing or wrong; the text never says which part was."""

    code = "credentials-refused"


class CredentialsMissing(CredentialsRefused):
    """The request shows no credentials at all."""

    code = "credentials-missing"


class Asked(msgspec.Struct, frozen=True):
    """What is known of a request before anybody knows who makes it.

    `headers` have names in lower case. `path` is the path as this service routes it. `peer` is the address at the other
    end of the connection, which no header can change; None where there is none.
    """

    headers: Mapping[str, str]
    method: str = "GET"
    path: str = "/"
    peer: str | None = None


class Authenticator(Protocol):
    """Turns what a request shows into a caller."""

    challenge: str
    """The `WWW-Authenticate` value sent with a 401."""

    async def authenticate(self, asked: Asked) -> Principal:
        """The caller. Raises `CredentialsRefused`, or `Unavailable` when that cannot be found out now."""
        ...

    async def close(self) -> None:
        """Release connections. The authenticator is not used afterwards."""
        ...
