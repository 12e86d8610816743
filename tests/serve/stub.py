"""The real `intaglio` command with a small application instead of the API: what is tested is how it is run.

python -m tests.serve.stub serve --bind …
"""

import asyncio
import contextlib
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from intaglio.base.errors import Unavailable
from intaglio.bootstrap import jobs, wiring
from intaglio.bootstrap.inflight import AsgiApp, Receive, Send
from intaglio.bootstrap.settings import Settings
from intaglio.cli.main import main
from intaglio.identity.base import Asked, Authenticator, CredentialsRefused
from intaglio.identity.http_basic import HttpBasic
from intaglio.identity.none import NoAuthentication
from intaglio.identity.settings import AuthMode
from intaglio.identity.users import UsersFile
from intaglio.worker.loop import PeriodicJob

log = logging.getLogger("stub")
DOWNLOAD_CHUNK = b"d" * 65536
DOWNLOAD_CHUNKS = 1024  # 64 MiB: far more than sockets buffer, so that the reader sets the pace
FILE_SIZE = 64 * 1024 * 1024


class App:
    """Version document, list, a counting upload, a generated download and a file by pathsend."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._auth: Authenticator = (
            HttpBasic(UsersFile(settings.identity.users_file))
            if settings.identity.mode is AuthMode.HTTP_BASIC
            else NoAuthentication()
        )

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["path"] in {"/", "/versions"}:
            host = dict(scope["headers"])[b"host"].decode()
            version = {"id": "v2.17", "status": "CURRENT", "links": [{"rel": "self", "href": f"http://{host}/v2/"}]}
            await answer(send, 300 if scope["path"] == "/" else 200, {"versions": [version]})
        elif scope["path"].startswith("/v2/schemas/"):
            await answer(
                send, 200, {"name": "image", "properties": {"id": {"type": "string"}, "name": {"type": "string"}}}
            )
        elif scope["path"] == "/pid":
            await answer(send, 200, os.getpid())
        elif scope["path"] == "/upload":
            await upload(receive, send)
        elif scope["path"] == "/download":
            await download(send)
        elif scope["path"] == "/file":
            await file(send, self._settings.serve.data_dir / "file")
        else:
            await self._images(scope, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        if os.environ.get("STUB_FAILS") == "lifespan":
            raise Unavailable("the stub's database is away")
        await send({"type": "lifespan.startup.complete"})
        await receive()
        log.info("lifespan closed")
        await send({"type": "lifespan.shutdown.complete"})

    async def _images(self, scope: Any, send: Send) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        try:
            who = await self._auth.authenticate(Asked(headers))
        except CredentialsRefused as error:
            await answer(send, 401, str(error), [(b"www-authenticate", self._auth.challenge.encode())])
            return
        image: dict[str, object] = {
            "id": "5fd0b1c4-2d7b-4d7a-9f5e-0b7bb1c1f5a1", "name": who.user_id, "status": "active", "tags": [],
            "visibility": "private", "owner": who.project_id, "schema": "/v2/schemas/image",
        }  # fmt: skip
        await answer(send, 200, {"images": [image], "first": "/v2/images", "schema": "/v2/schemas/images"})


async def answer(send: Send, status: int, content: object, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
    body = json.dumps(content).encode()
    described = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": described})
    await send({"type": "http.response.body", "body": body})


async def upload(receive: Receive, send: Send) -> None:
    size, more = 0, True
    log.info("upload began")
    try:
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                log.info("upload left by its client")
                return
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
    except asyncio.CancelledError:
        log.info("upload cleaned up")
        raise
    await answer(send, 200, size)


async def download(send: Send) -> None:
    size = len(DOWNLOAD_CHUNK) * DOWNLOAD_CHUNKS
    headers = [(b"content-length", str(size).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for number in range(DOWNLOAD_CHUNKS):
        more = number + 1 < DOWNLOAD_CHUNKS
        await send({"type": "http.response.body", "body": DOWNLOAD_CHUNK, "more_body": more})


async def file(send: Send, path: Path) -> None:
    headers = [(b"content-length", str(FILE_SIZE).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.pathsend", "path": str(path)})


def make_app(settings: Settings) -> AsgiApp:
    failure = os.environ.get("STUB_FAILS")
    if failure == "factory":
        raise Unavailable("the stub's store is away")
    if failure == "crash" and not (settings.serve.data_dir / "healed").exists():
        raise RuntimeError("the stub has a defect")
    return App(settings)


@contextlib.asynccontextmanager
async def make_jobs(settings: Settings) -> AsyncIterator[Sequence[PeriodicJob]]:
    async def beat() -> None:
        (settings.serve.data_dir / "worker-pid").write_text(str(os.getpid()))

    yield (PeriodicJob("beat", 0.1, beat),)


if __name__ == "__main__":
    wiring.make_app = make_app
    jobs.make_jobs = make_jobs
    main(sys.argv[1:])
