"""An upstream as the world has them, on loopback: files with sums, and servers that redirect, break off, or lie."""

import contextlib
import hashlib
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Thing:
    """What a path answers. `cuts`: how many answers end after half of the bytes; `busy`: how many are refused first."""

    body: bytes = b""
    status: int = 200
    location: str = ""
    cuts: int = 0
    busy: int = 0
    kind: str = "application/octet-stream"
    modified: str = "Wed, 21 Jan 2026 10:00:00 GMT"
    ranges: bool = True


@dataclass
class Upstream:
    """Paths and what they answer; every request is written down."""

    url: str
    things: dict[str, Thing] = field(default_factory=dict)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)

    def put(self, path: str, body: bytes, **more: Any) -> str:
        """A file; its address."""
        self.things[path] = Thing(body, **more)
        return f"{self.url}{path}"

    def sums(self, path: str, *files: str, name: str = "sha256") -> str:
        """A list of digests of files in one directory."""
        lines = [
            f"{hashlib.new(name, self.things[file].body).hexdigest()} *{file.rpartition('/')[2]}\n" for file in files
        ]
        return self.put(path, "".join(lines).encode())

    def asked(self, path: str) -> list[str]:
        """The ranges that were asked of a path by GET; empty ones are for all of it."""
        return [span for method, of, span in self.requests if of == path and method == "GET"]


def sha256(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream: Upstream

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        span = self.headers.get("Range", "")
        self.upstream.requests.append((self.command, self.path, span))
        thing = self.upstream.things.get(self.path, Thing(status=404))
        status, data = thing.status, thing.body if thing.status == 200 else b""
        tag = f'"{hashlib.sha256(thing.body).hexdigest()}"'
        if thing.busy:
            thing.busy -= 1
            status, data = 429, b""
        elif span and thing.ranges and status == 200 and self.headers.get("If-Range") in {None, tag}:
            status, data = 206, thing.body[int(span.removeprefix("bytes=").rstrip("-")) :]
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Type", thing.kind)
        self.send_header("Last-Modified", thing.modified)
        self.send_header("ETag", tag)
        if thing.location:
            self.send_header("Location", thing.location)
        if status == 429:
            self.send_header("Retry-After", "0")
        self.end_headers()
        if body:
            if thing.cuts:
                thing.cuts -= 1
                data = data[: len(data) // 2]
                self.close_connection = True
            self.upstream.sent[self.path] += len(data)
            self.wfile.write(data)


@contextlib.contextmanager
def upstream() -> Iterator[Upstream]:
    """A server until the block ends."""
    handler = type("Handler", (_Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    made = Upstream(f"http://127.0.0.1:{server.server_address[1]}")
    handler.upstream = made  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
