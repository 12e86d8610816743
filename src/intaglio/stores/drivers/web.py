"""Requests to one server over aiohttp: answers read whole, bodies as streams, no wait without an end.

What the network does becomes a `StoreError` that names the store and no address.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Generic, TypeVar

import aiohttp
import msgspec
from yarl import URL

from intaglio.stores.base import Broken, Buffer, Busy, Misconfigured, StoreError

SLICE = 256 * 1024
"""Bytes given to the socket at once."""
_BUFFER = 256 * 1024  # bytes that may wait unread on a connection
_LONGEST = 16 * 1024 * 1024  # bytes of an answer that is read whole; a page of a listing has under one


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds: to connect; without any progress in a transfer; for an answer about names; for joining many parts."""

    connect: float = 5.0
    quiet: float = 30.0
    control: float = 10.0
    joining: float = 300.0


class Reply(msgspec.Struct, frozen=True):
    """One answer, read whole. Names of `headers` are in lower case. What it means is for its driver to say."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def fine(self) -> bool:
        """Whether it is a success."""
        return self.status < HTTPStatus.MULTIPLE_CHOICES

    def moment(self) -> datetime:
        """The server's own time, so that its times are compared with no other clock."""
        try:
            return parsedate_to_datetime(self.headers["date"]).astimezone(UTC)
        except (KeyError, ValueError):
            return datetime.now(UTC)

    def error(self, store: str, doing: str) -> StoreError:
        """What it means when it is none."""
        return Broken(f"store {store!r} could not {doing}: its server answered {self.status}")


R = TypeVar("R", bound=Reply)


class Web(Generic[R]):
    """Connections to a server: made when needed, kept for reuse, and released by `close`."""

    def __init__(
        self, store: str, reply: type[R], context: ssl.SSLContext | None, patience: Patience, authorities: str
    ) -> None:
        """`reply`: what answers are made into. `authorities`: the option that names those who are trusted."""
        self.store = store
        self.patience = patience
        self._reply = reply
        self._context = context
        self._authorities = authorities
        self._session: aiohttp.ClientSession | None = None

    async def ask(
        self,
        doing: str,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Buffer = b"",
        seconds: float | None = None,
    ) -> R:
        """One request and the whole answer, whatever its status.

        It may take `seconds` (`control` when None) without any progress. Raises `Busy`, and `Broken` for a certificate
        that is not trusted; `doing` completes "the store could not …".
        """
        limit = self.patience.control if seconds is None else seconds
        with self._explained(doing, limit):
            async with asyncio.timeout(limit) as watch:

                def progress() -> None:
                    watch.reschedule(asyncio.get_running_loop().time() + limit)

                data = _Slices(memoryview(body), progress) if len(body) else None
                async with self._send(method, url, headers, data) as response:
                    read = bytearray()
                    async for piece in response.content.iter_any():
                        progress()
                        read += piece
                        if len(read) > _LONGEST:
                            raise Broken(f"store {self.store!r} could not {doing}: the answer has no end")
                    return self._answer(response, bytes(read))

    @contextlib.asynccontextmanager
    async def stream(
        self, doing: str, url: str, headers: Mapping[str, str]
    ) -> AsyncIterator[tuple[R, AsyncIterator[bytes]]]:
        """GET: the answer without its body, and the pieces of the body. Leaving early ends the connection.

        A reader that is slow slows the server down; only a server that is silent is given up. Raises `Busy`, `Broken`.
        """
        with self._explained(doing, self.patience.quiet):
            async with asyncio.timeout(self.patience.quiet):
                response = await self._send("GET", url, headers, None)
        try:
            error = await self._error_of(doing, response) if response.status >= HTTPStatus.MULTIPLE_CHOICES else b""
            yield self._answer(response, error), self._pieces(doing, response)
        finally:
            response.close()

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

    def _answer(self, response: aiohttp.ClientResponse, body: bytes) -> R:
        return self._reply(response.status, {name.lower(): value for name, value in response.headers.items()}, body)

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], data: "_Slices | None"
    ) -> "aiohttp.client._RequestContextManager":
        given = dict(headers)
        if method in {"PUT", "POST"}:
            given["content-length"] = str(0 if data is None else len(data))
        return self._opened().request(method, URL(url, encoded=True), headers=given, data=data, allow_redirects=False)

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
            text = f"the certificate of its server is not trusted; see {self._authorities}"
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
        for begin in range(0, len(self._body), SLICE):
            self._progress()
            yield self._body[begin : begin + SLICE]


def trust(store: str, option: str, file: str, *, insecure: bool = False) -> ssl.SSLContext:
    """How servers are trusted: by the operator's authorities, or the system's. Reads the file; `Misconfigured`."""
    try:
        context = ssl.create_default_context(cafile=file or None)
    except (OSError, ssl.SSLError) as error:
        raise Misconfigured(
            f"store {store!r}: {option} {file!r} holds no certificates that can be read: {error.strerror or 'not PEM'}"
        ) from error
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
