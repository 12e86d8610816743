"""An image as a value: what the service knows about one disk image."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from intaglio.domain.status import Status


class Visibility(StrEnum):
    """Who besides the owner may see an image."""

    COMMUNITY = "community"
    PUBLIC = "public"
    PRIVATE = "private"
    SHARED = "shared"


_WITH_LOGIN = frozenset({"swift", "s3", "http", "https"})


class Location(msgspec.Struct, frozen=True):
    """One stored copy of an image's bytes: its URI and the JSON object kept beside it.

    `metadata["store"]` names the store in a service with several stores. The URI can name internal hosts and
    paths: it is never shown unless the operator's options and policy allow it.
    """

    uri: str
    metadata: Mapping[str, Any] = {}
    status: str = "active"
    id: int | None = None  # the row; None until it is recorded

    @property
    def public_uri(self) -> str:
        """The URI as anybody may see it: Glance's Swift store, and old releases' S3 store, write passwords into it."""
        scheme, separator, rest = self.uri.partition("://")
        if scheme.partition("+")[0] not in _WITH_LOGIN or "@" not in rest:
            return self.uri
        return f"{scheme}{separator}{rest.rpartition('@')[2]}"

    @property
    def store(self) -> str | None:
        """The id of the store holding this copy, or None in a service with one store."""
        value = self.metadata.get("store")
        return value if isinstance(value, str) else None


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """One image record. Sizes are bytes, `min_ram` MiB, `min_disk` GiB, times naive UTC."""

    id: str
    status: Status
    visibility: Visibility
    created_at: datetime
    updated_at: datetime
    name: str | None = None
    owner: str | None = None
    protected: bool = False
    os_hidden: bool = False
    min_ram: int = 0
    min_disk: int = 0
    container_format: str | None = None
    disk_format: str | None = None
    size: int | None = None
    virtual_size: int | None = None
    checksum: str | None = None
    os_hash_algo: str | None = None
    os_hash_value: str | None = None
    properties: Mapping[str, str | None] = {}  # null only where the operator's own schema of a property allows it
    tags: tuple[str, ...] = ()
    locations: tuple[Location, ...] = ()
    revision: int = 0  # grows with every change made by this service; the guard against lost updates
