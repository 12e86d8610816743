"""A web server with one file, which counts what is asked of it, and can be as bad as a test wants it to be."""

import contextlib
import re
import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.imports.stage import DATA

HERE = "127.0.0.2"


class Source:
    """What is served now; a test may change it at any time."""

    def __init__(self) -> None:
        self.data = DATA
        self.tag: str | None = '"one"'
        self.status = 200  # 404: it is gone
        self.announced = True  # whether the length is said
        self.breaks: list[int] = []  # after how many bytes the next answers end
        self.texts: dict[str, bytes] = {}  # other files
        self.asked: list[str | None] = []  # the ranges of the requests for the file
        self.seen: list[str] = []  # every path
        self.hold = threading.Event()  # while it is clear, the second half of an answer waits
        self.hold.set()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://{HERE}:{self.port}/disk.img"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.seen.append(request.path)
        name = request.path.lstrip("/")
        if name in self.texts:
            self._send(request, 200, self.texts[name], [])
            return
        if self.status != HTTPStatus.OK:
            self._send(request, self.status, b"", [])
            return
        wanted = request.headers.get("Range")
        self.asked.append(wanted)
        found = re.fullmatch(r"bytes=(\d+)-", wanted or "")
        tag = [] if self.tag is None else [("ETag", self.tag)]
        if found is None or request.headers.get("If-Range") != self.tag:
            self._send(request, 200, self.data, tag)
            return
        first, size = int(found[1]), len(self.data)
        self._send(request, 206, self.data[first:], [("Content-Range", f"bytes {first}-{size - 1}/{size}"), *tag])

    def _send(self, request: BaseHTTPRequestHandler, status: int, body: bytes, headers: list[tuple[str, str]]) -> None:
        request.send_response(status)
        for name, value in headers:
            request.send_header(name, value)
        if self.announced:
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        end = self.breaks.pop(0) if self.breaks else len(body)
        request.wfile.write(body[: end // 2])
        request.wfile.flush()
        self.hold.wait(60)
        request.wfile.write(body[end // 2 : end])


@contextlib.contextmanager
def serving() -> Iterator[Source]:
    """The server, on another address of this machine, which the stage's rules open."""
    source = Source()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"  # each answer ends its connection

        def do_GET(self) -> None:
            with contextlib.suppress(ConnectionError):
                source.answer(self)

        def log_message(self, *_: Any) -> None:
            """Not to the terminal."""

    server = ThreadingHTTPServer((HERE, 0), Handler)
    server.daemon_threads = True
    source.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield source
    finally:
        source.hold.set()
        server.shutdown()
        server.server_close()
        thread.join()
