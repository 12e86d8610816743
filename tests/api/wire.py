"""What a test sees of a service: its address, callers with different rights, and the shortest ways to images."""

import dataclasses
import hashlib
import http.client
import json
import os
import socket
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from intaglio.stores.drivers.file_marks import MARK
from tests.starters.intaglio import User

Json = dict[str, Any]

PEOPLE = (
    User("root", "ops", ("admin", "member", "reader")),
    User("mia", "alpha", ("member", "reader")),
    User("rea", "alpha", ("reader",)),
    User("stan", "beta", ("member", "reader")),
    User("bea", "beta", ("reader",)),
)

PATCH_V21 = "application/openstack-images-v2.1-json-patch"
PATCH_V20 = "application/openstack-images-v2.0-json-patch"
OCTETS = {"Content-Type": "application/octet-stream"}
FORMATS: Json = {"disk_format": "raw", "container_format": "bare"}


def differs(glance: str) -> pytest.MarkDecorator:
    """Marks a row whose expectation is deliberately better than what Glance does, which `glance` says."""
    return pytest.mark.differs(glance)


@dataclasses.dataclass(frozen=True)
class Target:
    """The service under test. `peer`: it is the real Glance. `stores`: where it keeps the bytes, when that is known.

    `directory`: where its configuration is and its data are, when the tests started it.
    """

    url: str
    peer: bool = False
    stores: Path | None = None
    directory: Path | None = None

    def files(self) -> list[str]:
        """Every file in the stores, by its place; empty where they cannot be looked into."""
        if self.stores is None:
            return []
        return sorted(str(path) for path in self.stores.rglob("*") if path.is_file() and path.name != MARK)

    @property
    def port(self) -> int:
        return httpx.URL(self.url).port or 80


class Caller(httpx.Client):
    """Somebody who asks. Every answer it gets is checked for the header that every answer must carry."""

    def __init__(self, target: Target, user: User | None) -> None:
        self.target = target
        self.user = user
        headers = {}
        if target.peer and user:
            headers = {
                "X-Identity-Status": "Confirmed",
                "X-User-Id": user.name,
                "X-Project-Id": user.project,
                "X-Roles": ",".join(user.roles),
            }
        super().__init__(
            base_url=target.url,
            auth=(user.name, user.password) if user and not target.peer else None,
            headers=headers,
            timeout=60,
            trust_env=False,
            event_hooks={"response": [self._check]},
        )

    def _check(self, answer: httpx.Response) -> None:
        if not self.target.peer:
            assert answer.headers.get("x-openstack-request-id", "").startswith("req-"), (
                f"{answer.request.method} {answer.request.url}: no request id"
            )

    @property
    def project(self) -> str:
        assert self.user is not None
        return self.user.project

    def create(self, **fields: object) -> Json:
        """A new image."""
        answer = self.post("/v2/images", json=fields)
        assert answer.status_code == 201, answer.text
        return json_of(answer)

    def active(self, data: bytes = b"some bytes", **fields: object) -> Json:
        """A new image with data; raw in bare unless told otherwise."""
        image = self.create(**(FORMATS | fields))
        answer = self.upload(image["id"], data)
        assert answer.status_code == 204, answer.text
        return self.image(image["id"])

    def upload(self, image_id: str, data: bytes | Iterator[bytes], **headers: str) -> httpx.Response:
        """Send bytes; an iterator goes out in chunks of unknown length. Header names are written with `_` for `-`."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.put(f"/v2/images/{image_id}/file", content=data, headers=OCTETS | more)

    def image(self, image_id: str) -> Json:
        """The image as it is now."""
        answer = self.get(f"/v2/images/{image_id}")
        assert answer.status_code == 200, answer.text
        return json_of(answer)

    def change(self, image_id: str, *operations: Json, media_type: str = PATCH_V21) -> httpx.Response:
        """A PATCH of these operations."""
        return self.send_patch(image_id, list(operations), media_type)

    def send_patch(self, image_id: str, body: object, media_type: str | None) -> httpx.Response:
        """A PATCH of any JSON document, said to be of that type."""
        headers = {} if media_type is None else {"Content-Type": media_type}
        return self.patch(f"/v2/images/{image_id}", content=json.dumps(body), headers=headers)

    def ids(self, **query: object) -> list[str]:
        """The ids of one page of the list, in its order."""
        answer = self.get("/v2/images", params={key: str(value) for key, value in query.items()})
        assert answer.status_code == 200, answer.text
        return [image["id"] for image in answer.json()["images"]]


def json_of(answer: httpx.Response) -> Json:
    """The JSON object of an answer."""
    document = answer.json()
    assert isinstance(document, dict)
    return document


def refused(answer: httpx.Response, status: int) -> None:
    """The answer is that error, and says a reason in a form that clients show: text, never a document of its own."""
    assert answer.status_code == status, f"{answer.status_code} instead of {status}: {answer.text}"
    kind = answer.headers["content-type"].partition(";")[0]
    assert kind in {"text/html", "text/plain"}, kind
    assert answer.text.strip(), "no reason given"


def op(operation: str, path: str, *value: object) -> Json:
    """One operation of a v2.1 patch."""
    return {"op": operation, "path": path} | ({"value": value[0]} if value else {})


def unique(prefix: str = "t") -> str:
    """A word that no other test uses."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def noise(size: int) -> bytes:
    """Bytes that are no known disk format."""
    data = os.urandom(size)
    return b"\0" + data[1:] if size else b""


def digests(data: bytes) -> Json:
    """The fields that an image with these bytes has."""
    return {
        "checksum": hashlib.md5(data, usedforsecurity=False).hexdigest(),
        "os_hash_algo": "sha512",
        "os_hash_value": hashlib.sha512(data).hexdigest(),
        "size": len(data),
    }


def raw_request(
    caller: Caller, method: str, target: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> tuple[int, Mapping[str, str], bytes]:
    """A request written to the socket as it stands, for what a well-behaved client library would not send."""
    model = caller.build_request(method, "/")
    sent = dict(model.headers) | {"connection": "close"} | dict(headers or {})
    if caller.user and not caller.target.peer:
        sent["Authorization"] = next(httpx.BasicAuth(caller.user.name, caller.user.password).auth_flow(model)).headers[
            "Authorization"
        ]
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
    with socket.create_connection(("127.0.0.1", caller.target.port), timeout=30) as connection:
        connection.sendall("\r\n".join(lines).encode("latin-1") + body)
        answer = http.client.HTTPResponse(connection, method=method)
        answer.begin()
        fields = {name.lower(): value for name, value in answer.getheaders()}
        data = answer.read()
        answer.close()
        return answer.status, fields, data
