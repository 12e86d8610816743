"""Signed requests to one bucket over aiohttp: answers read whole, bodies as streams, no wait without an end."""

import asyncio
import contextlib
import hashlib
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus

import aiohttp
import msgspec
from yarl import URL

from intaglio.stores.base import Broken, Busy, StoreError
from intaglio.stores.drivers.s3_answers import Answer
from intaglio.stores.drivers.s3_options import Keys, Place
from intaglio.stores.drivers.s3_sign import EMPTY, UNSIGNED, encoded, sign, signed_query
from intaglio.stores.threads import Threads

_SLICE = 256 * 1024  # bytes given to the socket at once
_BUFFER = 256 * 1024  # bytes that may wait unread on a connection
_MUTE = {HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_LONGEST = 16 * 1024 * 1024  # bytes of an answer that is read whole; a page of a listing has under one


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds: to connect; without any progress in a transfer; for an answer about names; for joining many parts."""

    connect: float = 5.0
    quiet: float = 30.0
    control: float = 10.0
    joining: float = 300.0


class Client:
    """Requests to one bucket. Connections are made when needed, kept for reuse, and released by `close`."""

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
        self._context = context
        self._session: aiohttp.ClientSession | None = None

    async def ask(
        self,
        doing: str,
        method: str,
        key: str | None = None,
        *,
        query: Iterable[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        body: bytes | bytearray | memoryview = b"",
        seconds: float | None = None,
    ) -> Answer:
        """One request and the whole answer, whatever its status. `key` None is about the bucket itself.

        It may take `seconds` (`control` when None) without any progress. Raises `Busy`, and `Broken` for a certificate
        that is not trusted; `doing` completes "the store could not …".
        """
        payload = await self._payload(body)
        limit = self.patience.control if seconds is None else seconds
        with self._explained(doing, limit):
            async with asyncio.timeout(limit) as watch:

                def progress() -> None:
                    watch.reschedule(asyncio.get_running_loop().time() + limit)

                data = _Slices(memoryview(body), progress) if len(body) else None
                async with self._send(method, key, query, headers or {}, data, payload) as response:
                    read = bytearray()
                    async for piece in response.content.iter_any():
                        progress()
                        read += piece
                        if len(read) > _LONGEST:
                            raise Broken(f"store {self.store!r} could not {doing}: the answer has no end")
                    return _answer(response, bytes(read))

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

    @contextlib.asynccontextmanager
    async def stream(
        self, doing: str, key: str, headers: Mapping[str, str]
    ) -> AsyncIterator[tuple[Answer, AsyncIterator[bytes]]]:
        """GET an object: the answer without its body, and the pieces of the body. Leaving early ends the connection.

        A reader that is slow slows the server down; only a server that is silent is given up. Raises `Busy`, `Broken`.
        """
        with self._explained(doing, self.patience.quiet):
            async with asyncio.timeout(self.patience.quiet):
                response = await self._send("GET", key, (), headers, None, EMPTY)
        try:
            error = await self._error_of(doing, response) if response.status >= HTTPStatus.MULTIPLE_CHOICES else b""
            yield _answer(response, error), self._pieces(doing, response)
        finally:
            response.close()

    def signed_url(self, key: str, seconds: int) -> str:
        """A URL that reads the object without credentials for that long."""
        path = self.place.path(key)
        moment = datetime.now(UTC)
        query = signed_query(self._keys, self.place.region, moment, self.place.authority, path, seconds)
        return self.place.url(path, query)

    async def close(self) -> None:
        """End all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
            await asyncio.sleep(0)  # the transports close in the loop's next turn

    async def _error_of(self, doing: str, response: aiohttp.ClientResponse) -> bytes:
        """The body of an answer that is an error, as far as it matters."""
        with self._explained(doing, self.patience.control):
            async with asyncio.timeout(self.patience.control):
                return await response.content.read(8192)

    async def _pieces(self, doing: str, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        while True:
            with self._explained(doing, self.patience.quiet):
                async with asyncio.timeout(self.patience.quiet):
                    piece = await response.content.readany()
            if not piece:
                return
            yield piece

    async def _payload(self, body: bytes | bytearray | memoryview) -> str:
        """What is signed of the body: TLS protects one by itself; without it the hash does, made off the loop."""
        if not len(body):
            return EMPTY
        if self.place.secure:
            return UNSIGNED
        if len(body) <= _SLICE:
            return hashlib.sha256(body).hexdigest()
        return await self.threads.run(_sha256, body)

    def _send(
        self,
        method: str,
        key: str | None,
        query: Iterable[tuple[str, str]],
        headers: Mapping[str, str],
        data: "_Slices | None",
        payload: str,
    ) -> "aiohttp.client._RequestContextManager":
        path, words, place = self.place.path(key), encoded(query), self.place
        now = datetime.now(UTC)
        signed = sign(self._keys, place.region, now, method, place.authority, path, words, headers, payload)
        if method in {"PUT", "POST"}:
            signed["content-length"] = str(0 if data is None else len(data))
        return self._opened().request(
            method, URL(place.url(path, words), encoded=True), headers=signed, data=data, allow_redirects=False
        )

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=self._context or True, keepalive_timeout=15),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self.patience.connect),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                read_bufsize=_BUFFER,
                skip_auto_headers=("User-Agent", "Accept-Encoding", "Content-Type"),
            )
        return self._session

    @contextlib.contextmanager
    def _explained(self, doing: str, seconds: float) -> Iterator[None]:
        """Turn what the network does into a StoreError that names the store and no address."""
        try:
            yield
        except aiohttp.ClientConnectorCertificateError as error:
            text = "the certificate of its server is not trusted; see s3_store_cacert"
            raise self._error(Broken, doing, text) from error
        except aiohttp.ClientSSLError as error:
            raise self._error(Broken, doing, "its server does not speak TLS as it should") from error
        except aiohttp.ConnectionTimeoutError as error:
            raise self._error(
                Busy, doing, f"its server took no connection within {self.patience.connect:g} s"
            ) from error
        except TimeoutError as error:
            raise self._error(Busy, doing, f"its server was silent for {seconds:g} s") from error
        except aiohttp.ClientConnectorError as error:
            raise self._error(Busy, doing, "its server cannot be reached") from error
        except (aiohttp.ClientError, OSError, ssl.SSLError) as error:
            raise self._error(Busy, doing, "the connection to its server broke") from error

    def _error(self, kind: type[StoreError], doing: str, text: str) -> StoreError:
        return kind(f"store {self.store!r} could not {doing}: {text}")


class _Slices:
    """A body in slices, from the start each time it is asked for: a request may be sent again on a new connection."""

    def __init__(self, body: memoryview, progress: Callable[[], None]) -> None:
        self._body = body
        self._progress = progress

    def __len__(self) -> int:
        return len(self._body)

    async def __aiter__(self) -> AsyncIterator[memoryview]:
        for begin in range(0, len(self._body), _SLICE):
            self._progress()
            yield self._body[begin : begin + _SLICE]


def _sha256(body: bytes | bytearray | memoryview) -> str:
    return hashlib.sha256(body).hexdigest()


def _answer(response: aiohttp.ClientResponse, body: bytes) -> Answer:
    return Answer(response.status, {name.lower(): value for name, value in response.headers.items()}, body)
