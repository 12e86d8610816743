"""The few calls of the images API that stand around a measurement: create, check, delete."""

from collections.abc import Mapping

import httpx

from bench.client import Failed
from bench.servers import Server

NEW = {"name": "bench", "disk_format": "raw", "container_format": "bare"}


def create(server: Server, properties: Mapping[str, str] | None = None) -> str:
    """A new queued image; its id."""
    answer = httpx.post(f"{server.url}/v2/images", json=NEW | dict(properties or {}), timeout=60)
    if answer.status_code != httpx.codes.CREATED:
        raise Failed(f"{server.name}: create answered {answer.status_code}: {answer.text[:200]}")
    return str(answer.json()["id"])


def verify(server: Server, image: str, checksum: str) -> None:
    """The image is active and holds what was sent: an upload that lost bytes is not a fast upload."""
    shown = httpx.get(f"{server.url}/v2/images/{image}", timeout=60).json()
    if (shown.get("status"), shown.get("checksum")) != ("active", checksum):
        raise Failed(f"{server.name}: image {image} is {shown.get('status')} with checksum {shown.get('checksum')}")


def delete(server: Server, image: str) -> None:
    httpx.delete(f"{server.url}/v2/images/{image}", timeout=60)


def page(server: Server, query: str) -> list[str]:
    """The ids of one page of the list."""
    answer = httpx.get(f"{server.url}/v2/images?{query}", headers=server.headers, timeout=120).raise_for_status()
    return [image["id"] for image in answer.json()["images"]]
