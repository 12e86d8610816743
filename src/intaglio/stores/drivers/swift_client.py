"""Requests to one account of Swift, signed in; a token that is refused is renewed once."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from urllib.parse import quote, urlencode

from intaglio.stores.base import Buffer
from intaglio.stores.drivers.swift_answers import Answer, Entry, Malformed, containers, entries, unreadable
from intaglio.stores.drivers.swift_auth import Login, Token
from intaglio.stores.drivers.swift_options import SwiftOptions
from intaglio.stores.drivers.web import Patience, Web

_PAGE = 10_000


class Client:
    """Requests to one account. Objects are told by their keys; `place` and `name` are for what lies beside them."""

    def __init__(self, store: str, chosen: SwiftOptions, login: Login, web: Web[Answer], where: str = "") -> None:
        """`where`: another account than that of the login, by its name."""
        self.store = store
        self._where = where
        self._options = chosen
        self._login = login
        self._web = web

    @property
    def patience(self) -> Patience:
        """How long is waited."""
        return self._web.patience

    def path(self, key: str) -> str:
        """Container and name of an object, as in a manifest."""
        return f"/{self._options.container(key)}/{key}"

    async def ask(
        self,
        doing: str,
        method: str,
        path: str,
        *,
        query: Iterable[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        body: Buffer = b"",
        seconds: float | None = None,
    ) -> Answer:
        """One request and the whole answer, as `Web.ask`. `path` is `/container`, `/container/name` or empty."""
        words = urlencode(list(query), quote_via=quote)
        for final in (False, True):
            token = await self._login.token()
            url = f"{self._base(token)}{quote(path)}{'?' if words else ''}{words}"
            given = {"x-auth-token": token.value, "accept": "application/json", **(headers or {})}
            answer = await self._web.ask(doing, method, url, given, body, seconds)
            if answer.status != HTTPStatus.UNAUTHORIZED or final:
                break
            self._login.forget(token)
        return answer

    async def head(self, doing: str, key: str) -> Answer:
        """What is known of an object."""
        return await self.ask(doing, "HEAD", self.path(key))

    @asynccontextmanager
    async def stream(
        self, doing: str, key: str, headers: Mapping[str, str]
    ) -> AsyncIterator[tuple[Answer, AsyncIterator[bytes]]]:
        """GET an object, as `Web.stream`."""
        for final in (False, True):
            token = await self._login.token()
            url = f"{self._base(token)}{quote(self.path(key))}"
            async with self._web.stream(doing, url, {"x-auth-token": token.value, **headers}) as (answer, pieces):
                if answer.status != HTTPStatus.UNAUTHORIZED or final:
                    yield answer, pieces
                    return
            self._login.forget(token)

    async def listing(self, doing: str, container: str, prefix: str, after: str = "") -> AsyncIterator[Entry]:
        """The objects of a container whose names begin so and come after `after`; none when it is not there."""
        while True:
            query = [("format", "json"), ("limit", str(_PAGE)), ("prefix", prefix), ("marker", after)]
            answer = await self.ask(doing, "GET", f"/{container}", query=query)
            if answer.status == HTTPStatus.NOT_FOUND:
                return
            if not answer.fine:
                raise answer.error(self.store, doing)
            try:
                found = entries(answer.body)
            except Malformed as error:
                raise unreadable(self.store, doing) from error
            for entry in found:
                yield entry
            if not found:
                return
            after = found[-1].name

    async def containers(self, doing: str) -> AsyncIterator[str]:
        """The containers of this store."""
        if not self._options.many_containers:
            yield self._options.swift_store_container
            return
        prefix, after = f"{self._options.swift_store_container}_", ""
        while True:
            query = [("format", "json"), ("prefix", prefix), ("marker", after)]
            answer = await self.ask(doing, "GET", "", query=query)
            if answer.status == HTTPStatus.NOT_FOUND:  # an account is made with its first container
                return
            if not answer.fine:
                raise answer.error(self.store, doing)
            try:
                found = list(containers(answer.body))
            except Malformed as error:
                raise unreadable(self.store, doing) from error
            for name in found:
                yield name
            if not found:
                return
            after = found[-1]

    def _base(self, token: Token) -> str:
        return f"{token.storage_url.rpartition('/')[0]}/{self._where}" if self._where else token.storage_url

    async def close(self) -> None:
        """End all connections."""
        await self._web.close()
