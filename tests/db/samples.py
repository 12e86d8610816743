"""Images for tests."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import msgspec

from intaglio.domain.image import Image, Location, Visibility
from intaglio.domain.status import Status

EPOCH = datetime(2026, 1, 1, 12, 0, 0)  # noqa: DTZ001 - naive UTC is what the database holds
ME, OTHER = "project-me", "project-other"


def moment(seconds: float) -> datetime:
    return EPOCH + timedelta(seconds=seconds)


def new_image(seconds: float = 0, **changes: Any) -> Image:
    image = Image(
        id=str(uuid.uuid4()),
        status=Status.QUEUED,
        visibility=Visibility.SHARED,
        created_at=moment(seconds),
        updated_at=moment(seconds),
        owner=ME,
    )
    return msgspec.structs.replace(image, **changes)


def full_image() -> Image:
    """One with a value in every field."""
    return new_image(
        status=Status.ACTIVE,
        visibility=Visibility.PRIVATE,
        name="Grüße, 'world'; \\ \"quoted\"\n\t✓",
        protected=True,
        os_hidden=True,
        min_ram=2**31 - 1,
        min_disk=7,
        container_format="bare",
        disk_format="qcow2",
        size=2**60,
        virtual_size=2**40,
        checksum="0" * 32,
        os_hash_algo="sha512",
        os_hash_value="f" * 128,
        properties={"os_distro": "debian", "empty": "", "": "no name", "big": "x" * 60_000, "q\"u'o\\te": '{"a": [1]}'},
        tags=("Blue", "blue", "grün", "a,b"),
        locations=(Location("file:///srv/images/a", {"store": "file", "n": {"deep": [1, None]}}), Location("rbd://b")),
    )
