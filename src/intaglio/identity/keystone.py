"""Tokens of Keystone: from the headers of a request to the principal, mostly without asking anybody.

What keystonemiddleware does for services on WSGI, after its description: X-Auth-Token, X-Service-Token with its grace
for expired tokens, access rules of application credentials. Forged identity headers are not looked at.
"""

import asyncio
import logging
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import msgspec

from intaglio.base.clock import utcnow
from intaglio.base.errors import Invalid, Unavailable
from intaglio.domain.principal import Principal, Service
from intaglio.identity.base import Asked, CredentialsMissing, CredentialsRefused
from intaglio.identity.settings import KeystoneSettings
from intaglio.identity.token_cache import Known, TokenCache
from intaglio.identity.tokens import Token

_log = logging.getLogger(__name__)

_THREADS = 8  # tokens asked about at one time; the others wait their turn
_FIRST_PAUSE = 0.25  # seconds before a connection is tried again; doubled each time
_POSSIBLE = re.compile(r"[\x21-\x7e]+")


class LoginInvalid(Invalid):
    """`[keystone_authtoken]` does not describe a login."""

    code = "keystone-login-invalid"


class KeystoneUnreachable(Unavailable):
    """No connection to Keystone came about; trying again at once may help."""

    code = "keystone-unreachable"


class KeystoneFailed(Unavailable):
    """Keystone was asked and gave no answer that can be used."""

    code = "keystone-failed"


class ServiceRefused(Unavailable):
    """Keystone does not accept the service's own credentials, or does not let it validate tokens."""

    code = "keystone-refuses-service"


class KeystoneTooSlow(Unavailable):
    """Keystone did not say within `http_connect_timeout` what a token is."""

    code = "keystone-too-slow"


class TokenValidator(Protocol):
    """Who is asked about tokens; called in threads."""

    def validate(self, token: str, *, allow_expired: bool) -> Token | None:
        """What is known of `token`. Raises `KeystoneUnreachable`, or another `Unavailable`."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...


class Keystone:
    """Checks `X-Auth-Token` and `X-Service-Token`.

    A validated token is believed for `token_cache_time`, or until it ends, also while Keystone is down; what was
    revoked is noticed at the end of that time. A request waits for Keystone at most `http_connect_timeout` in all.
    """

    def __init__(self, settings: KeystoneSettings, validator: TokenValidator) -> None:
        self.challenge = f'Keystone uri="{settings.www_authenticate_uri}"'
        self._settings = settings
        self._validator = validator
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="keystone")
        self._cache = TokenCache(self._ask, seconds=settings.token_cache_time)

    async def authenticate(self, asked: Asked) -> Principal:
        """The caller whose token it is. Raises `CredentialsRefused`, or an `Unavailable` when nobody can tell."""
        presented = _header(asked.headers, "x-auth-token") or _header(asked.headers, "x-storage-token")
        if presented is None:
            raise CredentialsMissing("This service needs a token of Keystone, in the header X-Auth-Token.")
        service, grace = await self._service(asked.headers)
        known = await self._valid(presented, allow_expired=grace)
        if known is None or (service is None and known.token.bound(self._settings.enforce_token_bind)):
            raise CredentialsRefused("The token is not valid: it is unknown, has expired or was revoked.")
        if service is None:
            self._check_access(known.token, asked)
            return known.principal
        return msgspec.structs.replace(known.principal, service=service)

    async def close(self) -> None:
        await self._cache.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._validator.close()

    async def _service(self, headers: Mapping[str, str]) -> tuple[Service | None, bool]:
        """The service that asks for the user, and whether it may bring a user's token that has expired.

        A service token that is not one counts for nothing: the user's own token decides, as in Glance.
        """
        presented = _header(headers, "x-service-token")
        known = None if presented is None else await self._valid(presented, allow_expired=False)
        if known is None or known.token.bound(self._settings.enforce_token_bind):
            return None, False
        trusted = not known.principal.roles.isdisjoint(self._settings.service_token_roles)
        if not trusted and self._settings.service_token_roles_required:
            return None, False
        return known.token.service(), trusted

    async def _valid(self, token: str, *, allow_expired: bool) -> Known | None:
        if not _POSSIBLE.fullmatch(token):
            return None
        known = await self._cache.get(token, allow_expired=allow_expired)
        if known is None or (not allow_expired and known.token.expired(utcnow())):
            return None
        return known

    def _check_access(self, token: Token, asked: Asked) -> None:
        """The limits of an application credential; they do not hold for services that act further on."""
        rules = token.access_rules
        if rules is None:
            return
        if not any(rule.allows(self._settings.service_type, asked.method, asked.path) for rule in rules):
            raise CredentialsRefused(
                f"The access rules of the application credential do not allow {asked.method} {asked.path[:200]}."
            )

    async def _ask(self, token: str, allow_expired: bool) -> Token | None:  # noqa: FBT001 - the cache's interface
        limit = self._settings.http_connect_timeout
        try:
            async with asyncio.timeout(limit):
                return await self._persist(token, allow_expired=allow_expired)
        except TimeoutError:
            _log.error("Keystone did not say within %g s whether a token is valid", limit)
            raise KeystoneTooSlow(
                "The identity service (Keystone) takes too long to answer at this moment; please try again."
            ) from None

    async def _persist(self, token: str, *, allow_expired: bool) -> Token | None:
        """Ask again after a refused connection: the pauses are the loop's, no thread sleeps through them."""
        loop = asyncio.get_running_loop()
        for attempt in range(self._settings.http_request_max_retries + 1):
            try:
                return await loop.run_in_executor(self._threads, self._validate, token, allow_expired)
            except KeystoneUnreachable as error:
                if attempt == self._settings.http_request_max_retries:
                    _log.error("no connection to Keystone: %s", error.__cause__)
                    raise
            await asyncio.sleep(_FIRST_PAUSE * 2**attempt)
        raise AssertionError("unreachable")

    def _validate(self, token: str, allow_expired: bool) -> Token | None:  # noqa: FBT001 - run_in_executor passes it so
        return self._validator.validate(token, allow_expired=allow_expired)


def _header(headers: Mapping[str, str], name: str) -> str | None:
    return headers.get(name, "").strip() or None
