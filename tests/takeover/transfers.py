"""Images that pass between Glance and Intaglio, and what the database says of where they are."""

import contextlib
import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import httpx

BINARY = {"Content-Type": "application/octet-stream"}

Login = Mapping[str, str]
"""Headers that say who asks."""
NOBODY: Login = {}


def upload(url: str, data: bytes, *, chunked: bool = False, login: Login = NOBODY) -> str:
    """The id of a new image of these bytes; with `chunked` their number is not announced."""
    wanted = {"name": "n", "disk_format": "raw", "container_format": "bare"}
    image_id = str(httpx.post(f"{url}/v2/images", json=wanted, headers=login, timeout=60).json()["id"])
    httpx.put(
        f"{url}/v2/images/{image_id}/file",
        content=iter([data]) if chunked else data,
        headers={**BINARY, **login},
        timeout=120,
    ).raise_for_status()
    return image_id


def read(url: str, image_id: str, *, login: Login = NOBODY) -> bytes:
    answer = httpx.get(f"{url}/v2/images/{image_id}/file", headers=login, timeout=120)
    assert answer.status_code == 200, answer.text
    return answer.content


def delete(url: str, image_id: str, *, login: Login = NOBODY) -> None:
    httpx.delete(f"{url}/v2/images/{image_id}", headers=login, timeout=60).raise_for_status()


def locations(database: Path) -> dict[str, tuple[str, str]]:
    """What each image's row says of where its bytes are."""
    with contextlib.closing(sqlite3.connect(database)) as reading:
        rows = reading.execute("SELECT image_id, value, meta_data FROM image_locations WHERE deleted = 0")
        return {image_id: (value, json.dumps(json.loads(metadata))) for image_id, value, metadata in rows}
