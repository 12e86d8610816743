"""A network between a store and a real S3 server that goes wrong on command: for one request, before or after it."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_PIECE = 65536


@dataclass(frozen=True)
class Fault:
    """What happens to a request: it never arrives (`refuse`), its answer is lost (`lose`) or cut after `cut` bytes of
    the body, or somebody else answers with `status` and S3's `code`. `hang` says nothing any more."""

    refuse: bool = False
    lose: bool = False
    hang: bool = False
    cut: int | None = None
    status: int = 0
    code: str = ""


Rule = Callable[[str, str], Fault | None]


def _set() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass
class Proxy:
    """`rule` is asked with method and target of each request; `seen` has them all.

    `late` counts those whose client had given up when the server answered: what they asked for was done all the same.
    """

    url: str = ""
    rule: Rule = lambda _method, _target: None
    seen: list[str] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)
    late: int = 0
    _under_way: int = 0
    _idle: asyncio.Event = field(default_factory=_set)

    def once(self, method: str, pattern: str, *faults: Fault) -> None:
        """The first requests of that method whose target matches meet the faults, one each; all others pass."""
        coming = list(faults)

        def rule(asked: str, target: str) -> Fault | None:
            return coming.pop(0) if coming and asked == method and re.search(pattern, target) else None

        self.rule = rule

    async def settled(self) -> None:
        """Wait, for a minute at most, until the server has answered all that was passed on to it."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), 60)

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """While the server is at a request."""
        self._under_way += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()


@contextlib.asynccontextmanager
async def proxied(upstream: str) -> AsyncIterator[Proxy]:
    """A proxy to `upstream` on a port of 127.0.0.1, one request a connection, until the block ends."""
    proxy = Proxy()
    address = urlsplit(upstream)

    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await _one(proxy, reader, writer, (str(address.hostname), int(address.port or 80)))
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        serving.add(task)
        task.add_done_callback(serving.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, limit=1 << 20)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        for task in list(serving):
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        await asyncio.sleep(0)  # transports close in the loop's next turn


async def _one(
    proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, upstream: tuple[str, int]
) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
    proxy.seen.append(f"{method} {target}")
    proxy.heads.append(head)
    fault = proxy.rule(method, target) or Fault()
    if fault.refuse:
        return
    body = await reader.readexactly(_length(head))
    if fault.hang:
        await reader.read()  # until the client leaves
        return
    if fault.status:
        text = f"<Error><Code>{fault.code}</Code></Error>".encode()
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (fault.status, len(text)))
        writer.write(text)
        await writer.drain()
        return
    there, away = await asyncio.open_connection(*upstream, limit=1 << 20)
    try:
        away.write(head + body)
        with proxy.waiting():
            answer = await there.readuntil(b"\r\n\r\n")
        proxy.late += reader.at_eof()
        length = 0 if method == "HEAD" else _length(answer)
        if fault.lose:
            await there.readexactly(length)
            return
        writer.write(re.sub(rb"\r\n\r\n$", b"\r\nConnection: close\r\n\r\n", answer))
        left = length if fault.cut is None else min(fault.cut, length)
        while left and (piece := await there.read(min(left, _PIECE))):
            left -= len(piece)
            writer.write(piece)
            await writer.drain()
    finally:
        away.close()


def _length(head: bytes) -> int:
    found = re.search(rb"(?im)^content-length:\s*(\d+)", head)
    return int(found[1]) if found else 0
