"""A client that can stop half-way, and what the tests look at afterwards."""

import contextlib
import hashlib
import json
import socket
import sqlite3
from pathlib import Path
from typing import Any, Self

import httpx

from intaglio.stores.drivers.file_marks import MARK
from tests.starters.base import wait_until
from tests.starters.intaglio import Intaglio

MIB = 1 << 20


def content(size: int, seed: int = 0) -> bytes:
    """`size` bytes that look like no disk format, the same for the same seed."""
    block = hashlib.shake_256(seed.to_bytes(8, "big")).digest(min(size, MIB))
    return (block * (size // len(block) + 1))[:size] if size else b""


def create(url: str, **fields: Any) -> str:
    """The id of a new raw image."""
    answer = httpx.post(f"{url}/v2/images", json={"disk_format": "raw", "container_format": "bare", **fields})
    assert answer.status_code == 201, answer.text
    identifier: str = answer.json()["id"]
    return identifier


def show(url: str, image_id: str) -> dict[str, Any]:
    answer = httpx.get(f"{url}/v2/images/{image_id}")
    assert answer.status_code == 200, answer.text
    image: dict[str, Any] = answer.json()
    return image


def put(url: str, image_id: str, data: bytes) -> httpx.Response:
    headers = {"Content-Type": "application/octet-stream"}
    return httpx.put(f"{url}/v2/images/{image_id}/file", content=data, headers=headers, timeout=60)


def get(url: str, image_id: str) -> httpx.Response:
    return httpx.get(f"{url}/v2/images/{image_id}/file", timeout=60)


class HalfUpload:
    """An upload that has announced `size` bytes and sent fewer; it ends when it is closed or sends the rest."""

    def __init__(self, service: Intaglio, image_id: str, size: int, *, chunked: bool = False) -> None:
        self.socket = socket.create_connection(("127.0.0.1", service.port), timeout=60)
        length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
        head = (
            f"PUT /v2/images/{image_id}/file HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Type: application/octet-stream\r\n{length}\r\n\r\n"
        )
        self.chunked = chunked
        self.socket.sendall(head.encode())

    def send(self, data: bytes) -> None:
        if self.chunked:
            self.socket.sendall(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        else:
            self.socket.sendall(data)

    def status(self) -> int:
        """The status of the answer, which must come now."""
        line = self.socket.makefile("rb").readline()
        return int(line.split()[1])

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def wait_for_status(url: str, image_id: str, status: str, seconds: float = 30) -> None:
    wait_until(lambda: show(url, image_id)["status"] == status, f"status {status} of {image_id}", seconds)


def stored_files(service: Intaglio, directory: Path | None = None) -> dict[str, int]:
    """Every file in the store, whatever its name, with its size; links and directories apart."""
    root = directory or service.data / "images"
    return {
        str(path.relative_to(root)): path.stat().st_size
        for path in root.rglob("*")
        if path.is_file() and path.name != MARK
    }


def leases(service: Intaglio) -> list[str]:
    """The leases that exist, as text."""

    with contextlib.closing(sqlite3.connect(service.data / "intaglio.sqlite")) as database:
        return [json.dumps(row) for row in database.execute("SELECT image_id, kind FROM intaglio_leases")]
