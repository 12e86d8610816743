"""What the operator laid down about images and projects (Glance's names)."""

from collections.abc import Mapping
from typing import Any

import msgspec


class ImageLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes are bytes. A negative number of members, properties, tags or locations is no limit."""

    image_size_cap: int = 1 << 40
    user_storage_quota: int = 0  # over all stored copies of a project's images; 0: no limit
    image_property_quota: int = 128
    image_tag_quota: int = 128
    image_member_quota: int = 128
    image_location_quota: int = 10


class CustomSchema(msgspec.Struct, frozen=True, kw_only=True):
    """Custom properties with a JSON schema each, and the names of fields that a new image must have."""

    properties: Mapping[str, Mapping[str, Any]] = {}
    required: tuple[str, ...] = ()
