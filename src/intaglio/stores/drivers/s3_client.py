"""Signed requests to one bucket."""

import hashlib
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from http import HTTPStatus

from intaglio.stores.base import Buffer
from intaglio.stores.drivers.s3_answers import Answer
from intaglio.stores.drivers.s3_options import Keys, Place
from intaglio.stores.drivers.s3_sign import EMPTY, UNSIGNED, encoded, sign, signed_query
from intaglio.stores.drivers.web import SLICE, Patience, Web
from intaglio.stores.threads import Threads

_MUTE = {HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


class Client:
    """Requests to one bucket, on connections that `close` releases."""

    def __init__(
        self,
        store: str,
        place: Place,
        keys: Keys,
        context: ssl.SSLContext | None,
        threads: Threads,
        patience: Patience,
    ) -> None:
        self.store = store
        self.place = place
        self.patience = patience
        self.threads = threads
        self._keys = keys
        self._web = Web(store, Answer, context, patience, "s3_store_cacert")

    async def ask(
        self,
        doing: str,
        method: str,
        key: str | None = None,
        *,
        query: Iterable[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        body: Buffer = b"",
        seconds: float | None = None,
    ) -> Answer:
        """One request and the whole answer, as `Web.ask`. `key` None is about the bucket itself."""
        words, payload = encoded(query), await self._payload(body)
        url = self.place.url(self.place.path(key), words)
        return await self._web.ask(
            doing, method, url, self._signed(method, key, words, headers or {}, payload), body, seconds
        )

    async def head(self, doing: str, key: str | None = None, *, seconds: float | None = None) -> Answer:
        """Ask whether an object, or the bucket, is there.

        An answer to a HEAD tells no reason: one that refuses is asked for again in a way that does.
        """
        answer = await self.ask(doing, "HEAD", key, seconds=seconds)
        if answer.status not in _MUTE:
            return answer
        query = [("max-keys", "1")] if key is None else []
        told = await self.ask(doing, "GET", key, query=query, headers={"range": "bytes=0-0"}, seconds=seconds)
        return told if told.status == answer.status else answer

    def stream(
        self, doing: str, key: str, headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[tuple[Answer, AsyncIterator[bytes]]]:
        """GET an object, as `Web.stream`."""
        signed = self._signed("GET", key, "", headers, EMPTY)
        return self._web.stream(doing, self.place.url(self.place.path(key), ""), signed)

    def signed_url(self, key: str, seconds: int) -> str:
        """A URL that reads the object without credentials for that long."""
        path = self.place.path(key)
        moment = datetime.now(UTC)
        query = signed_query(self._keys, self.place.region, moment, self.place.authority, path, seconds)
        return self.place.url(path, query)

    async def close(self) -> None:
        """End all connections."""
        await self._web.close()

    async def _payload(self, body: Buffer) -> str:
        """What is signed of the body: TLS protects one by itself; without it the hash does, made off the loop."""
        if not len(body):
            return EMPTY
        if self.place.secure:
            return UNSIGNED
        if len(body) <= SLICE:
            return _sha256(body)
        return await self.threads.run(_sha256, body)

    def _signed(
        self, method: str, key: str | None, words: str, headers: Mapping[str, str], payload: str
    ) -> dict[str, str]:
        place = self.place
        now = datetime.now(UTC)
        return sign(self._keys, place.region, now, method, place.authority, place.path(key), words, headers, payload)


def _sha256(body: Buffer) -> str:
    return hashlib.sha256(body).hexdigest()
