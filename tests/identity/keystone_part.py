"""Our side of Keystone in the test's own process: the real session, with what it asks counted."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

from intaglio.domain.principal import Principal
from intaglio.identity.base import Asked
from intaglio.identity.keystone import Keystone
from intaglio.identity.keystone_session import KeystoneSession
from intaglio.identity.settings import KeystoneSettings
from intaglio.identity.tokens import Token
from tests.starters.keystone import Keystone as Server
from tests.starters.keystone_people import PASSWORD


class Counting:
    """The real session; `asked` holds the tokens in the order they were asked about."""

    def __init__(self, session: KeystoneSession) -> None:
        self._session = session
        self.asked: list[str] = []

    def validate(self, token: str, *, allow_expired: bool) -> Token | None:
        self.asked.append(token)
        return self._session.validate(token, allow_expired=allow_expired)

    def close(self) -> None:
        self._session.close()


class Part:
    """An authenticator, and how often it asked."""

    def __init__(self, settings: KeystoneSettings) -> None:
        self.validator = Counting(KeystoneSession(settings))
        self.authenticator = Keystone(settings, self.validator)

    @property
    def asked(self) -> list[str]:
        return self.validator.asked

    async def who(self, token: str, service: str | None = None, *, call: str = "GET /v2/images") -> Principal:
        """The caller with this token."""
        headers = {"x-auth-token": token} | ({"x-service-token": service} if service else {})
        return await self.headers(headers, call=call)

    async def headers(self, headers: Mapping[str, str], *, call: str = "GET /v2/images") -> Principal:
        """The caller with these headers."""
        method, _, path = call.partition(" ")
        return await self.authenticator.authenticate(Asked(headers, method, path, "127.0.0.1"))


def settings(server: Server, **changes: Any) -> KeystoneSettings:
    """As `Server.section` says it."""
    login = {
        "auth_url": server.url,
        "username": "glance",
        "password": PASSWORD,
        "user_domain_name": "Default",
        "project_name": "service",
        "project_domain_name": "Default",
    }
    made = KeystoneSettings(
        auth_type="password", login=login, www_authenticate_uri="https://identity.example.org/v3",
        region_name="RegionOne",
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


@contextlib.asynccontextmanager
async def part(server: Server, **changes: Any) -> AsyncIterator[Part]:
    """The authenticator of one process."""
    made = Part(settings(server, **changes))
    try:
        yield made
    finally:
        await made.authenticator.close()
