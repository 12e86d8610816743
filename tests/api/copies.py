"""Images with a copy in each of the two stores."""

import json
import shutil
import sqlite3
from pathlib import Path

from tests.api.wire import Caller, Json
from tests.starters.base import wait_until


def image_with_two_copies(owner: Caller, admin: Caller, data: bytes = b"some bytes") -> Json:
    """An active image whose data are in the stores `fast` and `slow`."""
    image = owner.active(data)
    if owner.target.peer:
        body = {"method": {"name": "copy-image"}, "stores": ["slow"]}
        answer = admin.post(f"/v2/images/{image['id']}/import", json=body)
        assert answer.status_code == 202, answer.text
        wait_until(lambda: _is_copied(owner.image(image["id"])), "the copy in slow")
    else:
        assert owner.target.directory is not None
        add_copy(owner.target.directory, image["id"])
    return owner.image(image["id"])


def _is_copied(image: Json) -> bool:
    return image["stores"] == "fast,slow" and "os_glance_import_task" not in image


def add_copy(directory: Path, image_id: str) -> None:
    """As another service on the same database and stores would: there is no call for it yet.

    `directory`: where Intaglio was started with the stores `fast` and `slow`.
    """
    copy = directory / "stores" / "slow" / image_id
    shutil.copyfile(directory / "stores" / "fast" / image_id, copy)
    row = (image_id, f"file://{copy}", json.dumps({"store": "slow"}))
    insert = (
        "INSERT INTO image_locations (image_id, value, meta_data, status, created_at, updated_at, deleted)"
        " VALUES (?, ?, ?, 'active', '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000', 0)"
    )
    connection = sqlite3.connect(directory / "data" / "intaglio.sqlite", timeout=30)
    with connection:
        connection.execute(insert, row)
    connection.close()
