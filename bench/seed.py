"""Fills an empty database of Glance's own schema with images, straight by SQL: the same rows for every server."""

import datetime as dt
import random
import sqlite3
import uuid
from pathlib import Path

from tests.starters.glance import glance

DISTROS = ("debian", "ubuntu", "fedora", "rocky", "alpine")
START = dt.datetime(2020, 1, 1)  # noqa: DTZ001 - the tables hold naive UTC
RARE = 100
"""One image of so many carries bench_rare=yes: the property filter finds few among many."""

_IMAGE = """INSERT INTO images (id, name, size, virtual_size, status, created_at, updated_at, deleted, disk_format,
    container_format, checksum, owner, min_disk, min_ram, protected, visibility, os_hidden, os_hash_algo, os_hash_value)
    VALUES (?, ?, ?, ?, 'active', ?, ?, 0, 'qcow2', 'bare', ?, ?, 1, 512, 0, ?, 0, 'sha512', ?)"""
_PROPERTY = """INSERT INTO image_properties (image_id, name, value, created_at, updated_at, deleted)
    VALUES (?, ?, ?, ?, ?, 0)"""
_TAG = "INSERT INTO image_tags (image_id, value, created_at, updated_at, deleted) VALUES (?, ?, ?, ?, 0)"
_LOCATION = """INSERT INTO image_locations (image_id, value, created_at, updated_at, deleted, meta_data, status)
    VALUES (?, ?, ?, ?, 0, '{}', 'active')"""


def empty_database(directory: Path) -> Path:
    """An SQLite file that Glance itself made; nothing is in it."""
    with glance(directory, started=False):
        return directory / "glance.sqlite"


def image_id(number: int) -> str:
    """The id of the image with this number; the same in every run."""
    return str(uuid.UUID(int=random.Random(number).getrandbits(128), version=4))  # noqa: S311 - the same ids each time


def public(number: int) -> bool:
    """Whether everybody sees the image with this number; the others are private."""
    return number % 2 == 1


def _properties(number: int) -> dict[str, str]:
    """Eight of them, such as clouds give their images."""
    return {
        "architecture": "x86_64",
        "hw_disk_bus": "virtio",
        "hw_firmware_type": "uefi",
        "os_distro": DISTROS[number % len(DISTROS)],
        "os_type": "linux",
        "os_version": str(number % 17),
        "bench_rare": "yes" if number % RARE == 0 else "no",
        "build": f"build-{number}",
    }


def rows(numbers: range, *, plain: bool = True) -> tuple[list[tuple[object, ...]], ...]:
    """A slice of the images, and of their properties, tags and locations; `plain`: with times as SQLite holds them."""
    images: list[tuple[object, ...]] = []
    properties: list[tuple[object, ...]] = []
    tags: list[tuple[object, ...]] = []
    locations: list[tuple[object, ...]] = []
    for number in numbers:
        moment = START + dt.timedelta(seconds=number)
        image, time = image_id(number), f"{moment}.000000" if plain else moment
        size, md5, sha512 = 2**28 + number, f"{number:032x}", f"{number:0128x}"
        seen = "public" if public(number) else "private"
        owner = f"{number % 50:032x}"
        images.append((image, f"image-{number}", size, 4 * size, time, time, md5, owner, seen, sha512))
        properties += [(image, name, value, time, time) for name, value in _properties(number).items()]
        tags += [(image, f"tag-{number % 7}", time, time), (image, f"series-{number % 90}", time, time)]
        locations.append((image, f"file:///nowhere/{image}", time, time))
    return images, properties, tags, locations


def fill(database: Path, images: int, slice_size: int = 5000) -> None:
    """Add `images` images with eight properties, two tags and one location each. About 7 000 a second."""
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for first in range(0, images, slice_size):
            made = rows(range(first, min(first + slice_size, images)))
            for statement, some in zip((_IMAGE, _PROPERTY, _TAG, _LOCATION), made, strict=True):
                connection.executemany(statement, some)
        connection.commit()  # and no ANALYZE: nobody runs it on the SQLite file of a small site
    connection.close()
