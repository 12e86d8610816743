"""What the operator laid down about images, properties and projects (mostly Glance's names); the worker's upkeep."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec


class ImageLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes are bytes. A negative number of members, properties, tags or locations is no limit."""

    image_size_cap: int = 1 << 40
    user_storage_quota: int = 0  # over all stored copies of a project's images; 0: no limit
    use_keystone_limits: bool = False  # Keystone's unified limits instead
    image_property_quota: int = 128
    image_tag_quota: int = 128
    image_member_quota: int = 128
    image_location_quota: int = 10


class DeletionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of the data of deleted images; times are seconds but for the one in hours."""

    delayed_delete: bool = False  # the data of an image in use are kept for `scrub_time`
    scrub_time: int = 0
    scrub_pool_size: int = 1  # objects of one store that a worker removes at the same time
    wakeup_time: int = 300  # how often a worker looks for data whose time is over
    removal_give_up_hours: float = 72.0  # how long a removal that fails is tried; 0: for ever


class UpkeepSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the worker looks after (group `[intaglio]`); 0 turns the one or the other off."""

    expire_empty_after_hours: float = 0.0  # an image record without data that nobody touched for so long is deleted
    usage_check_seconds: float = 3600.0  # how often the sums of what projects use are proved
    verify_copies_days: float = 0.0  # how often every stored copy is read back and compared
    verify_copies_mib: float = 20.0  # a second, at most, of all that one worker reads for that


class ReceiptSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Whether receipts are written, and whether they name locations, as everybody who sees an image reads them."""

    write: bool = True
    show_locations: bool = False


class CustomSchema(msgspec.Struct, frozen=True, kw_only=True):
    """Custom properties with a JSON schema each, and the names of fields that a new image must have."""

    properties: Mapping[str, Mapping[str, Any]] = {}
    required: tuple[str, ...] = ()


class Enforce(StrEnum):
    """What becomes of an image's property that is not filled as the catalogue says."""

    OFF = "off"
    WARN = "warn"  # it is kept; the answer and the log say what is wrong
    REQUIRE = "require"  # the request is refused


class TaskSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How long things wait that somebody may still ask for, in hours; 0 is for ever with staged data."""

    task_time_to_live: int = 48
    staged_hours: int = 168


class EventSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How many connections of one API process may wait for events at the same time."""

    event_streams: int = 200


class MetadefSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The catalogue of metadata definitions."""

    enforce: Enforce = Enforce.OFF
    osinfo_path: tuple[Path, ...] = ()  # libosinfo's databases, later ones override earlier ones
    source_path: Path | None = None  # files for `metadef load`; None: those that come with the service
