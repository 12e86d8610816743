"""The JSON schemas of images, members and tasks: by them clients learn which fields there are and what they hold."""

from typing import Any

from starlette.responses import Response

from intaglio.api.call import Call
from intaglio.api.responses import json_response
from intaglio.domain.image import Visibility
from intaglio.domain.member import MemberStatus
from intaglio.domain.patch_locations import URL_LIMIT
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


_VALIDATION = {
    "type": "object",
    "writeOnly": True,
    "properties": {
        "checksum": {"type": "string", "minLength": 32, "maxLength": 32},
        "os_hash_algo": {"type": "string", "maxLength": 64},
        "os_hash_value": {"type": "string", "maxLength": 128},
    },
    "required": ["os_hash_algo", "os_hash_value"],
    "additionalProperties": False,
    "description": "What the data behind the url must hash to.",
}
_LOCATIONS = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "url": {"type": "string", "maxLength": URL_LIMIT},
            "metadata": {"type": "object"},
            "validation_data": _VALIDATION,
        },
        "required": ["url", "metadata"],
    },
    "description": "Where the data are kept; shown when the operator allows it.",
}


def image_schema(call: Call) -> dict[str, Any]:
    """The schema of one image, with the operator's formats and typed properties."""
    formats = call.parts.formats
    typed = {name: {**schema, "is_base": False} for name, schema in formats.custom.schemas.items()}
    return {
        "name": "image",
        "properties": image_properties(formats, multi=call.parts.stores.multi) | typed,
        "additionalProperties": {"type": "string"},
        "links": [
            {"rel": "self", "href": "{self}"},
            {"rel": "enclosure", "href": "{file}"},
            {"rel": "describedby", "href": "{schema}"},
        ],
    }


_PAGE_LINKS = [
    {"rel": "first", "href": "{first}"},
    {"rel": "next", "href": "{next}"},
    {"rel": "describedby", "href": "{schema}"},
]

MEMBER: dict[str, Any] = {
    "name": "member",
    "properties": {
        "member_id": {"type": "string", "description": "The project that the image is shared with."},
        "image_id": {"type": "string", "pattern": _UUID, "description": "The image that is shared."},
        "status": _choice("What the member makes of it.", tuple(MemberStatus)),
        "created_at": {"type": "string", "description": "When the project was added, UTC."},
        "updated_at": {"type": "string", "description": "When the membership was last changed, UTC."},
        "schema": _LINK,
    },
}
_OPTIONAL_OBJECT = {"type": ["null", "object"]}
_TASK_LISTED: dict[str, Any] = {
    "id": {"type": "string", "pattern": _UUID, "description": "The task's identifier, a UUID."},
    "type": _choice("What is done.", ("import", "api_image_import", "location_import")),
    "status": _choice("How far it is.", ("pending", "processing", "success", "failure")),
    "owner": {"type": "string", "description": "The project that the task belongs to."},
    "image_id": {"type": ["null", "string"], "description": "The image that it is about."},
    "request_id": {"type": ["null", "string"], "description": "The request that started it."},
    "user_id": {"type": ["null", "string"], "description": "The user who started it."},
    "expires_at": {"type": ["null", "string"], "description": "When its record may be removed, UTC."},
    "created_at": {"type": "string", "description": "When it was created, UTC."},
    "updated_at": {"type": "string", "description": "When it was last changed, UTC."},
    "self": _LINK,
    "schema": _LINK,
}
TASK: dict[str, Any] = {
    "name": "task",
    "properties": _TASK_LISTED
    | {
        "input": _OPTIONAL_OBJECT | {"description": "What it was given, a JSON object."},
        "result": _OPTIONAL_OBJECT | {"description": "What came of it, a JSON object."},
        "message": {"type": "string", "description": "What there is to say, mostly after a failure."},
        "progress": {
            "type": "object",
            "description": "How far the step is that it is in: bytes, total_bytes, bytes_per_second, seconds_left; and "
            "last_error, why it is tried again.",
        },
    },
}


def _collection(name: str, items: dict[str, Any], *, paged: bool) -> dict[str, Any]:
    ends = {"first": {"type": "string"}, "next": {"type": "string"}} if paged else {}
    return {
        "name": name,
        "properties": {name: {"type": "array", "items": items}, **ends, "schema": {"type": "string"}},
        "links": _PAGE_LINKS if paged else _PAGE_LINKS[2:],
    }


async def image(call: Call) -> Response:
    return json_response(image_schema(call))


async def images(call: Call) -> Response:
    return json_response(_collection("images", image_schema(call), paged=True))


async def member(_: Call) -> Response:
    return json_response(MEMBER)


async def members(_: Call) -> Response:
    return json_response(_collection("members", MEMBER, paged=False))


async def task(_: Call) -> Response:
    return json_response(TASK)


async def tasks(_: Call) -> Response:
    return json_response(_collection("tasks", {"name": "task", "properties": _TASK_LISTED}, paged=False))
