"""STAND-IN until the real one lands: an application that answers version documents and an empty list."""

import json
from collections.abc import Sequence
from typing import Any

from intaglio.bootstrap.inflight import AsgiApp
from intaglio.bootstrap.settings import Settings
from intaglio.worker.loop import PeriodicJob


def make_app(settings: Settings) -> AsgiApp:  # noqa: ARG001 - the real one needs them
    """The API as an ASGI application."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for _ in range(2):
                await send({"type": (await receive())["type"] + ".complete"})
            return
        host = dict(scope["headers"]).get(b"host", b"").decode()
        version = {"id": "v2.17", "status": "CURRENT", "links": [{"rel": "self", "href": f"http://{host}/v2/"}]}
        listing = {"images": [], "first": "/v2/images", "schema": "/v2/schemas/images"}
        found = scope["path"].startswith("/v2/images")
        body = json.dumps(listing if found else {"versions": [version]}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200 if found else 300, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def make_jobs(settings: Settings) -> Sequence[PeriodicJob]:  # noqa: ARG001 - the real one needs them
    """The periodic jobs of a worker."""
    return ()
