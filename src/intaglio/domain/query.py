"""What a caller asks of the list of images, as a value that a repository can answer."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

import msgspec

from intaglio.domain.image import Visibility
from intaglio.domain.search import Phrase

SORT_KEYS = ("name", "status", "container_format", "disk_format", "size", "id", "created_at", "updated_at")
TEXT_FILTERS = (
    "name",
    "id",
    "status",
    "container_format",
    "disk_format",
    "checksum",
    "os_hash_value",
    "os_hash_algo",
    "owner",
)
NUMBER_FILTERS = ("size", "min_ram", "min_disk", "virtual_size")
TIME_FILTERS = ("created_at", "updated_at")
FILTERS_LIMIT = 50  # filters of one list: each is a part of a statement, and every database has its limit of those
VALUES_LIMIT = 1000  # values that these may name altogether


class Direction(StrEnum):
    ASC = "asc"
    DESC = "desc"


class TimeFilter(msgspec.Struct, frozen=True):
    """One comparison of a time column with a whole second; `moment` is naive UTC.

    `neq` leaves out the whole second, whatever fractions the column holds.
    """

    column: str
    operator: Literal["gte", "lt", "neq"]
    moment: datetime


class NumberFilter(msgspec.Struct, frozen=True):
    """One comparison of a whole-number column."""

    column: str
    operator: Literal["eq", "min", "max"]  # min and max include the bound
    value: int


class Viewer(msgspec.Struct, frozen=True):
    """Through whose eyes the list is seen: it never holds what this project may not see."""

    project_id: str | None
    is_admin: bool = False


class ImageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """All conditions hold together. `sort` always ends in a unique key, so that paging by `marker` is exact.

    With `visibility` None the list is the viewer's default one (Images API v2, "List images"): public, own, and shared
    with an accepted membership; for an admin everything but other projects' community images. The literal "all" adds
    every community image.
    """

    viewer: Viewer
    sort: tuple[tuple[str, Direction], ...] = (("created_at", Direction.DESC), ("id", Direction.DESC))
    limit: int = 25
    marker: str | None = None  # the id after which the page starts; it exists and the viewer may see it
    visibility: Visibility | Literal["all"] | None = None
    member_status: Literal["pending", "accepted", "rejected", "all"] = "accepted"
    os_hidden: bool = False
    protected: bool | None = None
    tags: tuple[str, ...] = ()  # all of them
    texts: tuple[tuple[str, tuple[str, ...]], ...] = ()  # column in TEXT_FILTERS, any one of the values
    numbers: tuple[NumberFilter, ...] = ()
    times: tuple[TimeFilter, ...] = ()
    properties: tuple[tuple[str, str], ...] = ()  # name and exact value of a custom property
    phrases: tuple[Phrase, ...] = ()  # all of them, anywhere in the name, the tags and the properties
    ranked: bool = False  # where the phrases stand decides the order first, and `sort` among equals
    readable: tuple[str, ...] | None = None  # the properties that phrases are looked for in; None: in all
