"""Signing in to Swift: a token and the account's address, renewed before the token ends."""

import asyncio
import contextlib
import math
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Protocol

import msgspec
from keystoneauth1 import exceptions
from keystoneauth1.identity import v3
from keystoneauth1.session import Session

from intaglio.stores.base import Broken, Busy, Denied
from intaglio.stores.drivers.swift_answers import Answer
from intaglio.stores.drivers.swift_options import Account, SwiftOptions
from intaglio.stores.drivers.web import Web
from intaglio.stores.threads import Threads

DOING = "sign in"


class Token(msgspec.Struct, frozen=True):
    """What is sent with requests, the address of the account, and until when, by `time.time()`."""

    value: str
    storage_url: str
    expires: float
    project: str = ""  # its id; empty where there are none

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [("expires", self.expires)]

    def __repr__(self) -> str:
        return f"Token(expires={self.expires:g})"


class SignIn(Protocol):
    """One way to get a token."""

    async def __call__(self) -> Token:
        """A new token. Raises `Denied`, `Busy`, `Broken`."""
        ...


class Login:
    """The token that counts now; many who need a new one at once ask for it once."""

    def __init__(self, sign_in: SignIn, soon: float, clock: Callable[[], float] = time.time) -> None:
        """`soon`: seconds before its end from which on a token is not used any more."""
        self._sign_in = sign_in
        self._soon = soon
        self._clock = clock
        self._token: Token | None = None
        self._lock = asyncio.Lock()

    async def token(self) -> Token:
        """A token that is good for a while. Raises `Denied`, `Busy`, `Broken`."""
        async with self._lock:
            if self._token is None or self._token.expires - self._soon <= self._clock():
                self._token = await self._sign_in()
            return self._token

    def forget(self, token: Token) -> None:
        """The token was refused: the next caller gets another one."""
        if self._token is token:
            self._token = None


class Tempauth:
    """Version 1: user and key in headers, answered by the account's address. Swift's own, and radosgw's."""

    def __init__(self, store: str, who: Account, chosen: SwiftOptions, web: Web[Answer]) -> None:
        self._store = store
        self._who = who
        self._endpoint = chosen.swift_store_endpoint
        self._web = web

    async def __call__(self) -> Token:
        """See `SignIn`."""
        headers = {"x-auth-user": self._who.user, "x-auth-key": self._who.key}
        answer = await self._web.ask(DOING, "GET", self._who.address, headers)
        if not answer.fine:
            raise answer.error(self._store, DOING)
        url = self._endpoint or answer.headers.get("x-storage-url", "")
        value = answer.headers.get("x-auth-token", "")
        if not url or not value:
            raise Broken(f"store {self._store!r} could not {DOING}: the answer is not Swift's")
        try:
            seconds = float(answer.headers["x-auth-token-expires"])
        except (KeyError, ValueError):
            seconds = math.inf
        return Token(value, url.rstrip("/"), time.time() + seconds)


class Keystone:
    """Version 3: a password or an application credential, and the catalogue; in a thread."""

    def __init__(self, store: str, who: Account, chosen: SwiftOptions, threads: Threads, seconds: float) -> None:
        self._store = store
        self._who = who
        self._options = chosen
        self._threads = threads
        verify: bool | str = chosen.swift_store_cacert or True
        self._plugin = _plugin(who)
        self._session = Session(
            auth=self._plugin,
            verify=False if chosen.swift_store_auth_insecure else verify,
            timeout=seconds,
            connect_retries=0,
            redirect=False,
        )

    async def __call__(self) -> Token:
        """See `SignIn`."""
        return await self._threads.run(self._ask)

    def _ask(self) -> Token:
        with self._explained(DOING):
            self._plugin.invalidate()
            access = self._plugin.get_access(self._session)
            url = self._options.swift_store_endpoint or self._endpoint()
        if not url:
            raise Broken(
                f"store {self._store!r} could not {DOING}: the catalogue has no "
                f"{self._options.swift_store_service_type}; see swift_store_service_type, swift_store_endpoint_type "
                "and swift_store_region"
            )
        expires = access.expires or datetime.max.replace(tzinfo=UTC)
        return Token(access.auth_token, str(url).rstrip("/"), expires.timestamp(), access.project_id or "")

    async def projects(self) -> list[str]:
        """The ids of all projects. Raises `Denied`, `Busy`, `Broken`."""
        return await self._threads.run(self._ask_projects)

    def _ask_projects(self) -> list[str]:
        with self._explained("list the projects"):
            address = f"{self._who.address}/projects"
            answer = self._session.get(address, authenticated=True, headers={"accept": "application/json"})
            return [str(project["id"]) for project in answer.json()["projects"]]

    def _endpoint(self) -> str | None:
        try:
            found = self._plugin.get_endpoint(
                self._session,
                service_type=self._options.swift_store_service_type,
                interface=self._options.swift_store_endpoint_type.removesuffix("URL"),
                region_name=self._options.swift_store_region,
                skip_discovery=True,
            )
        except exceptions.CatalogException:
            return None
        return None if found is None else str(found)

    @contextlib.contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        try:
            yield
        except (exceptions.Unauthorized, exceptions.Forbidden, exceptions.NotFound) as error:
            what = "the credentials" if doing == DOING else "that"
            raise Denied(f"store {self._store!r} could not {doing}: Keystone refuses {what}") from error
        except (exceptions.ConnectFailure, exceptions.RetriableConnectionFailure, exceptions.HttpServerError) as error:
            raise Busy(f"store {self._store!r} could not {doing}: Keystone does not answer") from error
        except (exceptions.ClientException, KeyError, TypeError, ValueError) as error:
            text = f"Keystone's answer is not right ({type(error).__name__})"
            raise Broken(f"store {self._store!r} could not {doing}: {text}") from error


def _plugin(who: Account) -> v3.Auth:
    if who.application_credential_id:
        return v3.ApplicationCredential(
            auth_url=who.address,
            application_credential_id=who.application_credential_id,
            application_credential_secret=who.application_credential_secret,
        )
    project, _, user = who.user.partition(":")
    return v3.Password(
        auth_url=who.address,
        username=user,
        password=who.key,
        project_name=project,
        user_domain_id=who.user_domain_id,
        user_domain_name=who.user_domain_name,
        project_domain_id=who.project_domain_id,
        project_domain_name=who.project_domain_name,
    )
