"""A server that answers each path in another bad way, in raw bytes: what each tries, and why it fails."""

import asyncio
import contextlib
import gzip
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from intaglio.outbound.base import Reason
from intaglio.outbound.settings import Patience
from tests.outbound.hostile_urls import HERE

DATA = bytes(range(256)) * 64
CAP = 1 << 20
TAG = '"a-strong-tag"'

Behave = Callable[["Call"], Awaitable[None]]


class Call:
    """One request, and the connection to answer it on."""

    def __init__(self, path: str, headers: Mapping[str, str], writer: asyncio.StreamWriter) -> None:
        self.path = path
        self.headers = headers
        self.writer = writer

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
        await self.writer.drain()

    async def head(self, status: str, *headers: str) -> None:
        await self.send("\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode("latin-1"))

    async def hold(self) -> None:
        """Say nothing more, until the other side leaves."""
        await asyncio.sleep(3600)


class Act(NamedTuple):
    """One attack by an answer. `patience` is shortened where it is time that ends it."""

    what: str
    behave: Behave
    reason: Reason
    patience: Patience = Patience(attempts=1, pause=0)


def raw(*pieces: bytes) -> Behave:
    async def behave(call: Call) -> None:
        await call.send(*pieces)

    return behave


def held(*pieces: bytes) -> Behave:
    async def behave(call: Call) -> None:
        await call.send(*pieces)
        await call.hold()

    return behave


def says(status: str, *headers: str, body: bytes = b"", hold: bool = False) -> Behave:
    async def behave(call: Call) -> None:
        await call.head(status, *headers)
        await call.send(body)
        if hold:
            await call.hold()

    return behave


def to(location: str, status: str = "302 Found") -> Behave:
    async def behave(call: Call) -> None:
        port = call.writer.get_extra_info("sockname")[1]
        await call.head(status, f"Location: {location.replace('{port}', str(port))}", "Content-Length: 0")

    return behave


def endless(*head: str, piece: bytes, pause: float = 0) -> Behave:
    async def behave(call: Call) -> None:
        await call.head(*head)
        while True:
            await call.send(piece)
            await asyncio.sleep(pause)

    return behave


async def endless_header(call: Call) -> None:
    await call.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        await call.send(b"X-Filler: abcdefgh\r\n" * 100)


async def endless_line(call: Call) -> None:
    await call.send(b"HTTP/1.1 200 OK\r\nX-Filler: ")
    while True:
        await call.send(b"abcdefgh" * 1000)


async def only_continue(call: Call) -> None:
    while True:
        await call.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        await asyncio.sleep(0.01)


async def reset(call: Call) -> None:
    await call.head("200 OK", "Content-Length: 1000")
    call.writer.transport.abort()


async def silent(call: Call) -> None:
    await call.hold()


def bomb() -> bytes:
    return gzip.compress(bytes(10 << 20))


_ONCE: dict[str, Any] = {"attempts": 1, "pause": 0.0}
_CHUNKED = "Transfer-Encoding: chunked"

REDIRECTS: dict[str, Act] = {
    "loopback": Act("to this machine", to("http://127.0.0.1/"), Reason.LOOPBACK),
    "loopback-permanently": Act("to this machine, for ever", to("http://127.0.0.1/", "308 Gone on"), Reason.LOOPBACK),
    "localhost": Act("to localhost", to("http://localhost/"), Reason.LOOPBACK),
    "relative": Act("to this machine, the scheme left out", to("//127.0.0.1/"), Reason.LOOPBACK),
    "userinfo": Act("to credentials that look like a host", to("http://images.example@127.0.0.1/"), Reason.LOOPBACK),
    "v6": Act("to this machine in IPv6", to("http://[::1]/"), Reason.LOOPBACK),
    "mapped": Act("to a mapped address", to("http://[::ffff:127.0.0.1]/"), Reason.LOOPBACK),
    "name": Act("to a name for this machine", to("http://self.example/"), Reason.LOOPBACK),
    "rebound": Act("to its own name, which has moved", to("http://rebind.example:{port}/data"), Reason.LOOPBACK),
    "decimal": Act("to a number", to("http://2130706433/"), Reason.NUMERIC),
    "zero": Act("to a bare 0", to("http://0/"), Reason.NUMERIC),
    "any": Act("to the unspecified address", to("http://0.0.0.0/"), Reason.UNSPECIFIED),
    "metadata": Act("to a metadata service", to("http://169.254.169.254/latest/"), Reason.METADATA),
    "private": Act("to a name for a private address", to("http://private.example/"), Reason.PRIVATE),
    "file": Act("to a file", to("file:///etc/passwd"), Reason.SCHEME),
    "ftp": Act("to FTP", to("ftp://images.example/"), Reason.SCHEME),
    "gopher": Act("to gopher", to("gopher://127.0.0.1:6379/_PING"), Reason.SCHEME),
    "data-url": Act("to data in the URL", to("data:text/plain,x"), Reason.SCHEME),
    "port": Act("to another port", to("http://images.example:22/"), Reason.PORT),
    "backslash": Act("to a URL with a backslash", to("http:\\\\127.0.0.1\\"), Reason.FORM),
    "broken": Act("to half a URL", to("http://[::1/"), Reason.FORM),
    "loop": Act("to itself", to("/loop"), Reason.REDIRECTS),
    "ping": Act("to another that redirects back", to("/pong"), Reason.REDIRECTS),
    "nowhere": Act("without saying where to", says("302 Found", "Content-Length: 0"), Reason.LOCATION),
    "empty": Act("to an empty place", says("302 Found", "Location: ", "Content-Length: 0"), Reason.LOCATION),
    "choices": Act("with several choices", says("300 Multiple Choices", "Location: http://127.0.0.1/"), Reason.STATUS),
}

ANSWERS: dict[str, Act] = {
    "gone": Act("the file is not there", says("404 Not Found", "Content-Length: 0"), Reason.STATUS),
    "login": Act("it wants a password", says("401 Unauthorized", "WWW-Authenticate: Basic"), Reason.STATUS),
    "failing": Act("the server fails", says("503 Service Unavailable", "Content-Length: 0"), Reason.STATUS),
    "no-content": Act("success without a file", says("204 No Content"), Reason.STATUS),
    "not-modified": Act("an answer to a question not asked", says("304 Not Modified"), Reason.STATUS),
    "odd-status": Act("a status that does not exist", says("299 Fine", "Content-Length: 0"), Reason.STATUS),
    "switching": Act("it changes the protocol", says("101 Switching Protocols", "Upgrade: x"), Reason.STATUS),
    "part": Act(
        "a part that was not asked for",
        says("206 Partial Content", "Content-Range: bytes 0-9/10", "Content-Length: 10", body=DATA[:10]),
        Reason.RANGE,
    ),
    "parts": Act(
        "several parts",
        says("206 Partial Content", "Content-Type: multipart/byteranges; boundary=x", "Content-Length: 0"),
        Reason.RANGE,
    ),
    "part-of-nothing": Act("a part without a range", says("206 Partial Content", "Content-Length: 0"), Reason.RANGE),
    "gzip": Act("a bomb, packed with gzip", says("200 OK", "Content-Encoding: gzip", body=bomb()), Reason.ENCODING),
    "deflate": Act("packed with deflate", says("200 OK", "Content-Encoding: deflate", body=b"x"), Reason.ENCODING),
    "twice": Act("packed twice", says("200 OK", "Content-Encoding: gzip, br", body=b"x"), Reason.ENCODING),
    "ssh": Act("another protocol", raw(b"SSH-2.0-OpenSSH_9.6\r\n"), Reason.PROTOCOL),
    "redis": Act("a database's error", raw(b"-ERR unknown command 'GET'\r\n"), Reason.PROTOCOL),
    "naked": Act("a file without a head", raw(b"QFI\xfb" + bytes(64)), Reason.PROTOCOL),
    "bad-status": Act("a status that is no number", raw(b"HTTP/1.1 2OO OK\r\n\r\n"), Reason.PROTOCOL),
    "zero-byte": Act("a zero byte in the head", raw(b"HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n"), Reason.PROTOCOL),
    "long-line": Act(
        "a header of a megabyte", says("200 OK", f"X-Filler: {'a' * (1 << 20)}", "Content-Length: 0"), Reason.PROTOCOL
    ),
    "many-lines": Act("ten thousand headers", says("200 OK", *[f"X-{n}: 1" for n in range(10_000)]), Reason.PROTOCOL),
    "endless-header": Act("headers without an end", endless_header, Reason.PROTOCOL),
    "endless-line": Act("one header without an end", endless_line, Reason.PROTOCOL),
    "two-lengths": Act(
        "two lengths", says("200 OK", "Content-Length: 10", "Content-Length: 99", body=DATA[:99]), Reason.PROTOCOL
    ),
    "negative": Act("a negative length", says("200 OK", "Content-Length: -1"), Reason.PROTOCOL),
    "words": Act("a length in words", says("200 OK", "Content-Length: plenty"), Reason.PROTOCOL),
    "both": Act(
        "a length, and chunks as well",
        says("200 OK", "Content-Length: 4", _CHUNKED, body=b"4\r\nabcd\r\n0\r\n\r\n"),
        Reason.PROTOCOL,
    ),
    "bad-chunk": Act("a chunk of no size", says("200 OK", _CHUNKED, body=b"xyz\r\nabc\r\n"), Reason.PROTOCOL),
    "huge-chunk": Act(
        "a chunk of 2^70 bytes", says("200 OK", _CHUNKED, body=b"4" + b"0" * 17 + b"\r\nabc"), Reason.PROTOCOL
    ),
    "announced": Act(
        "a length beyond what is allowed", says("200 OK", f"Content-Length: {1 << 60}", hold=True), Reason.TOO_LARGE
    ),
    "endless": Act("a body without an end", endless("200 OK", piece=bytes(65536)), Reason.TOO_LARGE),
    "endless-chunks": Act(
        "chunks without an end",
        endless("200 OK", _CHUNKED, piece=b"10000\r\n" + bytes(65536) + b"\r\n"),
        Reason.TOO_LARGE,
    ),
    "short": Act("less than announced", says("200 OK", "Content-Length: 1000", body=DATA[:10]), Reason.SHORT),
    "nothing": Act("nothing of what was announced", says("200 OK", "Content-Length: 1000"), Reason.SHORT),
    "cut-chunks": Act("chunks that are cut off", says("200 OK", _CHUNKED, body=b"10\r\nabc"), Reason.SHORT),
    "no-last-chunk": Act("chunks without the last one", says("200 OK", _CHUNKED, body=b"3\r\nabc\r\n"), Reason.SHORT),
    "hung-up": Act("it hangs up at once", raw(), Reason.SHORT),
    "reset": Act("it breaks the connection in the middle", reset, Reason.SHORT),
    "silent": Act("it never answers", silent, Reason.FIRST_BYTE_TIME, Patience(connect=0.2, first_byte=0.2, **_ONCE)),
    "only-continue": Act(
        "it promises for ever", only_continue, Reason.FIRST_BYTE_TIME, Patience(connect=0.2, first_byte=0.2, **_ONCE)
    ),
    "half-a-head": Act(
        "a head that does not end",
        held(b"HTTP/1.1 200 OK\r\nX-Unfinished: "),
        Reason.FIRST_BYTE_TIME,
        Patience(connect=0.2, first_byte=0.2, **_ONCE),
    ),
    "only-a-head": Act(
        "a head, and nothing after it", says("200 OK", hold=True), Reason.STALL, Patience(stall=0.3, **_ONCE)
    ),
    "stall": Act(
        "it stops in the middle",
        says("200 OK", "Content-Length: 1000", body=DATA[:10], hold=True),
        Reason.STALL,
        Patience(stall=0.3, **_ONCE),
    ),
    "drip": Act(
        "a byte now and then",
        endless("200 OK", "Content-Length: 1000000", piece=b"x", pause=0.01),
        Reason.SLOW,
        Patience(slowest=10_000, window=0.2, **_ONCE),
    ),
    "for-ever": Act(
        "it takes longer than everything may",
        endless("200 OK", "Content-Length: 1000000", piece=bytes(100), pause=0.01),
        Reason.TOTAL_TIME,
        Patience(slowest=0, total=0.3, **_ONCE),
    ),
}


def rest(begin: int = 0, size: int = 0, *headers: str, cut: int = 0) -> Behave:
    """The rest of DATA that is asked for; or one that begins later, has more, or says something else."""

    async def behave(call: Call) -> None:
        first = int(call.headers["range"].removeprefix("bytes=").removesuffix("-")) + begin
        total = len(DATA) + size
        body = DATA[first : len(DATA) - cut]
        span = f"Content-Range: bytes {first}-{total - 1 - cut}/{total}"
        await call.head("206 Partial Content", span, f"Content-Length: {len(body)}", *headers)
        await call.send(body)

    return behave


RESTS: dict[str, Act] = {
    "later": Act("a rest that begins later", rest(1), Reason.RANGE),
    "earlier": Act("a rest that begins earlier", rest(-1), Reason.RANGE),
    "longer": Act("a rest of a longer file", rest(0, 10), Reason.RANGE),
    "less": Act("a piece of the rest", rest(cut=5), Reason.RANGE),
    "other": Act("the rest of another file", rest(0, 0, 'ETag: "another"'), Reason.RANGE),
    "unsaid": Act("a rest that does not say which", says("206 Partial Content", body=b"x"), Reason.RANGE),
    "nonsense": Act(
        "a rest in words", says("206 Partial Content", "Content-Range: bytes the rest", body=b"x"), Reason.RANGE
    ),
}

GOOD: dict[str, Behave] = {
    "data": says("200 OK", f"Content-Length: {len(DATA)}", f"ETag: {TAG}", body=DATA),
    "chunks": says("200 OK", _CHUNKED, body=b"%x\r\n%b\r\n0\r\n\r\n" % (len(DATA), DATA)),
    "until-it-closes": says("200 OK", body=DATA),
    "rest": rest(),
    "past-the-end": says("416 Range Not Satisfiable", f"Content-Range: bytes */{len(DATA)}", "Content-Length: 0"),
    "elsewhere": to("/data"),
    "elsewhere-by-name": to("http://other.example:{port}/data"),
    "pong": to("/ping"),
    "cookie": says("200 OK", "Set-Cookie: a=b", f"Content-Length: {len(DATA)}", body=DATA),
}

PLACES: dict[str, Behave] = GOOD | {name: act.behave for name, act in (REDIRECTS | ANSWERS | RESTS).items()}


class Hostile:
    """The running server: its port, the requests it got, and how many connections are open."""

    def __init__(self) -> None:
        self.port = 0
        self.places = dict(PLACES)
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._answer(reader, writer)
        finally:
            self.open -= 1
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        start = await reader.readexactly(1)
        if start == b"\x16":  # the greeting of TLS
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            return
        first, *lines = (start + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        path = first.split(" ")[1]
        self.asked.append((path, headers))
        behaving = asyncio.ensure_future(self.places[path.lstrip("/").partition("?")[0]](Call(path, headers, writer)))
        leaving = asyncio.ensure_future(reader.read())
        try:
            await asyncio.wait({behaving, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if behaving.done():
                behaving.result()
        finally:
            behaving.cancel()
            leaving.cancel()
            await asyncio.gather(behaving, leaving, return_exceptions=True)


@contextlib.asynccontextmanager
async def hostile(context: ssl.SSLContext | None = None) -> AsyncIterator[Hostile]:
    server = Hostile()
    listening = await asyncio.start_server(server.serve, HERE, 0, ssl=context)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for _ in range(500):
            if not server.open:
                break
            await asyncio.sleep(0.01)
        assert not server.open, "a connection was left open"
