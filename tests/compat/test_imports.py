"""Imports by the ordinary commands, which stage the data, ask for the import and wait for nothing."""

from pathlib import Path

import pytest

from tests.compat.conftest import Clients
from tests.starters.base import wait_until

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
FORMATS = ("--disk-format", "iso", "--container-format", "bare")


def await_active(user: Clients, image_id: str) -> None:
    wait_until(lambda: user.document("show", image_id)["status"] == "active", "the import", seconds=90)


def test_openstack(user: Clients, iso: Path) -> None:
    made = user.document("create", "--import", "--file", iso, *FORMATS, "by openstack")
    await_active(user, str(made["id"]))
    assert user.document("show", str(made["id"]))["size"] == iso.stat().st_size


def test_glance(user: Clients, iso: Path) -> None:
    image_id = str(user.python("sdk_reserve.py"))
    user.glance("image-stage", "--file", str(iso), image_id)
    assert user.document("show", image_id)["status"] == "uploading"
    user.glance("image-import", "--import-method", "glance-direct", image_id)
    await_active(user, image_id)
