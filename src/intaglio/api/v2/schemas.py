"""The JSON schemas of images, by which clients learn which fields there are and what they may hold."""

from typing import Any

from starlette.responses import Response

from intaglio.api.call import Call
from intaglio.api.responses import json_response
from intaglio.domain.image import Visibility
from intaglio.domain.properties import NAME_LIMIT, NUMBER_LIMIT, Formats
from intaglio.domain.status import Status

_UUID = "^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$"
_LINK = {"readOnly": True, "type": "string"}


def _text(description: str, *, limit: int = NAME_LIMIT, read_only: bool = False, null: bool = True) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": ["null", "string"] if null else "string", "maxLength": limit}
    return {**schema, "description": description, **({"readOnly": True} if read_only else {})}


def _number(description: str, *, read_only: bool = False) -> dict[str, Any]:
    if read_only:
        return {"type": ["null", "integer"], "readOnly": True, "description": description}
    return {"type": "integer", "minimum": 0, "maximum": NUMBER_LIMIT, "description": description}


def _choice(description: str, values: tuple[str, ...], *, null: bool = False) -> dict[str, Any]:
    if null:
        return {"type": ["null", "string"], "enum": [None, *values], "description": description}
    return {"type": "string", "enum": list(values), "description": description}


def image_properties(formats: Formats, *, multi: bool) -> dict[str, Any]:
    """Every base field as a JSON schema property."""
    fields: dict[str, Any] = {
        "id": {"type": "string", "pattern": _UUID, "description": "The image's identifier, a UUID."},
        "name": _text("What people call the image."),
        "status": _choice("Where the image is in its life.", tuple(Status)) | {"readOnly": True},
        "visibility": _choice("Who besides the owner may see the image.", tuple(Visibility)),
        "protected": {"type": "boolean", "description": "Whether the image is protected against deletion."},
        "os_hidden": {"type": "boolean", "description": "Whether the image is left out of lists by default."},
        "checksum": _text("MD5 of the data, hexadecimal.", limit=32, read_only=True),
        "os_hash_algo": _text("The algorithm of os_hash_value.", limit=64, read_only=True),
        "os_hash_value": _text("Digest of the data by os_hash_algo, hexadecimal.", limit=128, read_only=True),
        "owner": _text("The project that owns the image."),
        "size": _number("Size of the data in bytes.", read_only=True),
        "virtual_size": _number("Size in bytes of the disk that the data describe.", read_only=True),
        "container_format": _choice("The format that wraps the disk.", formats.container, null=True),
        "disk_format": _choice("The format of the disk.", formats.disk, null=True),
        "created_at": _LINK | {"description": "When the image was created, UTC."},
        "updated_at": _LINK | {"description": "When the image was last changed, UTC."},
        "tags": {
            "type": "array",
            "items": {"type": "string", "maxLength": NAME_LIMIT},
            "description": "Words the image is found by.",
        },
        "direct_url": _LINK | {"description": "Where a store keeps the data; shown when the operator allows it."},
        "locations": _LOCATIONS,
        "min_ram": _number("Memory in MiB that a machine needs to boot the image."),
        "min_disk": _number("Disk space in GiB that a machine needs to boot the image."),
        "self": _LINK | {"description": "The path of this image."},
        "file": _LINK | {"description": "The path of this image's data."},
        "schema": _LINK | {"description": "The path of this schema."},
    }
    if multi:
        fields["stores"] = {"type": "string", "readOnly": True, "description": "The stores that hold the data."}
    return fields


_LOCATIONS = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"url": {"type": "string", "maxLength": 255}, "metadata": {"type": "object"}},
        "required": ["url", "metadata"],
    },
    "description": "Where the data are kept; shown when the operator allows it.",
}


def image_schema(call: Call) -> dict[str, Any]:
    """The schema of one image, with the operator's formats."""
    return {
        "name": "image",
        "properties": image_properties(call.parts.formats, multi=call.parts.stores.multi),
        "additionalProperties": {"type": "string"},
        "links": [
            {"rel": "self", "href": "{self}"},
            {"rel": "enclosure", "href": "{file}"},
            {"rel": "describedby", "href": "{schema}"},
        ],
    }


async def image(call: Call) -> Response:
    return json_response(image_schema(call))


async def images(call: Call) -> Response:
    return json_response(
        {
            "name": "images",
            "properties": {
                "images": {"type": "array", "items": image_schema(call)},
                "first": {"type": "string"},
                "next": {"type": "string"},
                "schema": {"type": "string"},
            },
            "links": [
                {"rel": "first", "href": "{first}"},
                {"rel": "next", "href": "{next}"},
                {"rel": "describedby", "href": "{schema}"},
            ],
        }
    )
