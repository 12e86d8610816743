"""What an image takes of its project's quota, and how much of what is left an upload may have.

Counted is what Glance counts: bytes of every stored copy, bytes that are staged, images, and images that are getting
data. Deleted images count nothing.
"""

from typing import Protocol

import msgspec

from intaglio.base.errors import TooLarge
from intaglio.domain.image import Image
from intaglio.domain.status import Status

COPYING = "os_glance_importing_to_stores"  # the property that names the stores a copy is on its way to
GONE = (Status.KILLED, Status.DELETED, Status.PENDING_DELETE)
BUSY = (Status.SAVING, Status.UPLOADING, Status.IMPORTING)
STAGING = (Status.UPLOADING, Status.IMPORTING)

STEP = 64 << 20
"""Bytes, at most, by which the reservation of a stream of unknown size grows at once."""

SMALLEST_STEP = 64 << 10
"""Bytes, at least: a stream of tiny pieces costs a transaction for so many, not for each piece."""

_SHARE = 16  # a step takes this part of what is left, so that near the limit one stream leaves room for others


class OverQuota(TooLarge):
    """The owning project has no room for this: bytes of stored or staged images, or a number of images."""

    code = "over-quota"


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What is used: `stored` and `staged` in bytes, `images` and `uploading` (those getting data) in images."""

    stored: int = 0
    staged: int = 0
    images: int = 0
    uploading: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return self._with(other, 1)

    def __sub__(self, other: "Usage") -> "Usage":
        return self._with(other, -1)

    def of(self, resource: str) -> int:
        """What is used of one of `RESOURCES`."""
        used: int = getattr(self, resource)
        return used

    def _with(self, other: "Usage", sign: int) -> "Usage":
        return Usage(**{name: getattr(self, name) + sign * getattr(other, name) for name in RESOURCES})


RESOURCES: tuple[str, ...] = Usage.__struct_fields__
NOTHING = Usage()

_WORDS = {
    "stored": "bytes of stored images",
    "staged": "bytes of staged data",
    "images": "images",
    "uploading": "images getting data at a time",
}


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one project may use, in the units of `Usage`; None is no limit."""

    stored: int | None = None
    staged: int | None = None
    images: int | None = None
    uploading: int | None = None

    def of(self, resource: str) -> int | None:
        """The limit of one of `RESOURCES`."""
        limit: int | None = getattr(self, resource)
        return limit


UNLIMITED = Limits()

UNIFIED = {
    "image_size_total": ("stored", 1 << 20),
    "image_stage_total": ("staged", 1 << 20),
    "image_count_total": ("images", 1),
    "image_count_uploading": ("uploading", 1),
}
"""Keystone's names of the limits: which resource each is about, and its unit."""


class LimitSource(Protocol):
    """Where the limits of projects come from."""

    @property
    def enforced(self) -> bool:
        """Whether any project can have a limit; when none can, nothing is reserved."""
        ...

    async def of(self, project_id: str) -> Limits:
        """The limits of a project; "" stands for images without an owner. Raises `Unavailable`."""
        ...

    async def close(self) -> None:
        """Release connections. The source is not used afterwards."""
        ...


class StorageQuota:
    """One limit of stored bytes for every project alike: the option `user_storage_quota`; 0 is no limit."""

    def __init__(self, stored: int = 0) -> None:
        self._limits = Limits(stored=stored) if stored > 0 else UNLIMITED

    @property
    def enforced(self) -> bool:
        return self._limits != UNLIMITED

    async def of(self, project_id: str) -> Limits:
        return self._limits if project_id else UNLIMITED

    async def close(self) -> None:
        return None


def project_of(image: Image) -> str:
    """The project an image is counted for; "" when it has no owner."""
    return image.owner or ""


def usage_of(image: Image) -> Usage:
    """What one image takes."""
    if image.status in GONE:
        return NOTHING
    size = max(image.size or 0, 0)
    copying = bool(image.properties.get(COPYING))
    return Usage(
        stored=size * sum(location.status == "active" for location in image.locations),
        staged=size if copying or image.status in STAGING else 0,
        images=1,
        uploading=int(copying or image.status in BUSY),
    )


def require_room(resource: str, limit: int | None, taken: int, asked: int) -> None:
    """Raise `OverQuota` unless `asked` fits beside what is `taken`."""
    if limit is not None and taken + asked > limit:
        words = f"{limit} {_WORDS[resource]}: {taken} are used or reserved, {asked} more are asked for"
        raise OverQuota(f"The project's quota is {words}.")


def step(limit: int | None, taken: int, needed: int) -> int:
    """Bytes by which the reservation of a stream grows that needs `needed` more: enough, and within the limit.

    The caller made sure that `needed` fits.
    """
    if limit is None:
        return max(needed, STEP)
    left = limit - taken
    wanted = max(needed, min(STEP, max(SMALLEST_STEP, left // _SHARE)))
    return min(wanted, left)
