"""Turns what a caller sends to create an image into an image that can be recorded."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from intaglio.domain.image import Image, Visibility
from intaglio.domain.properties import (
    BASE_FIELDS,
    Formats,
    ReservedName,
    base_field,
    custom_property,
    image_id,
    property_name,
    require_present,
    require_settable,
)
from intaglio.domain.status import Status


def new_image(document: Mapping[str, Any], *, project_id: str | None, now: datetime, formats: Formats) -> Image:
    """The queued image that `document` (the body of POST /v2/images) describes.

    An owner that is not named is `project_id`; whether a named one is allowed is not decided here.
    Raises `InvalidValue`, `ReadOnlyField`, `ReservedName`.
    """
    require_present(document, formats.custom.required)
    fields: dict[str, Any] = {"owner": project_id}
    properties: dict[str, str | None] = {}
    for name, value in document.items():
        if name == "id":
            fields["id"] = image_id(value)
        elif name in BASE_FIELDS:
            fields[name] = base_field(name, value, formats)
        elif name == "locations":
            raise ReservedName("'locations' cannot be given when an image is created; add them afterwards.")
        else:
            require_settable(name)
            properties[property_name(name)] = custom_property(name, value, formats.custom)
    fields.setdefault("id", str(uuid.uuid4()))
    fields.setdefault("visibility", Visibility.SHARED)
    return Image(status=Status.QUEUED, created_at=now, updated_at=now, properties=properties, **fields)
