"""Imports as a client asks for them over HTTP: staged data, the import, what became of it and why."""

from typing import Any

import httpx

from tests.starters.base import wait_until
from tests.starters.intaglio import Intaglio, User


class Client:
    """Somebody who imports. `http` may be used for anything else; leave by `close`."""

    def __init__(self, service: Intaglio, user: User | None = None) -> None:
        self.service = service
        auth = None if user is None else (user.name, user.password)
        self.http = httpx.Client(base_url=f"{service.url}/v2/images/", auth=auth, timeout=60)

    def close(self) -> None:
        self.http.close()

    def staged(self, data: bytes, **fields: str) -> str:
        """The id of a new image for which `data` wait."""
        wanted = {"name": "n", "disk_format": "raw", "container_format": "bare"} | fields
        image_id = str(self.http.post("../images", json=wanted).json()["id"])
        headers = {"Content-Type": "application/octet-stream"}
        assert self.http.put(f"{image_id}/stage", content=data, headers=headers).status_code == 204
        return image_id

    def imported(self, image_id: str) -> dict[str, Any]:
        """The image when its import has ended."""
        wanted = {"method": {"name": "glance-direct"}}
        assert self.http.post(f"{image_id}/import", json=wanted).status_code == 202
        wait_until(lambda: self.http.get(image_id).json()["status"] != "importing", "the end of the import")
        found: dict[str, Any] = self.http.get(image_id).json()
        return found

    def content(self, image_id: str) -> bytes:
        return self.http.get(f"{image_id}/file").content

    def reason(self, image_id: str) -> str:
        return str(self.http.get(f"{image_id}/tasks").json()["tasks"][0]["message"])

    def delete(self, image_id: str) -> None:
        assert self.http.delete(image_id).status_code == 204
