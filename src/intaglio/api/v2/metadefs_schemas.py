"""The JSON schemas of the catalogue, by which clients learn which fields there are.

The forms differ as the API has them: a property by itself has a name, and an object's `required` may be empty.
"""

from typing import Any

from starlette.responses import Response

from intaglio.api.call import Call
from intaglio.api.responses import json_response
from intaglio.domain.metadefs.model import Scope
from intaglio.domain.metadefs.reading import DESCRIPTION_LIMIT, NAME_LIMIT, OWNER_LIMIT
from intaglio.domain.metadefs.schemas import TYPES

Json = dict[str, Any]

_STRING: Json = {"type": "string"}
_TYPE: Json = {"type": "string", "enum": [*TYPES, None]}
_LINK: Json = {"type": "string", "readOnly": True}
_COUNT: Json = {"$ref": "#/definitions/positiveInteger"}
_COUNT_OR_0: Json = {"$ref": "#/definitions/positiveIntegerDefault0"}
_NAMES: Json = {"$ref": "#/definitions/stringArray"}
_PROPERTIES: Json = {"$ref": "#/definitions/property"}
_LINKS = [
    {"rel": "first", "href": "{first}"},
    {"rel": "next", "href": "{next}"},
    {"rel": "describedby", "href": "{schema}"},
]


def _text(description: str, limit: int) -> Json:
    return {"type": "string", "maxLength": limit, "description": description}


def _time(description: str) -> Json:
    return {"type": "string", "readOnly": True, "format": "date-time", "description": description}


TIMES = {"created_at": _time("When it was defined, UTC."), "updated_at": _time("When it was last changed, UTC.")}
_LINKED = {"self": _LINK, "schema": _LINK}

PROPERTY_FIELDS: Json = {
    "name": {"type": "string", "maxLength": NAME_LIMIT},
    "title": _STRING,
    "description": _STRING,
    "operators": {"type": "array", "items": _STRING},
    "type": _TYPE,
    "required": _NAMES,
    "minimum": {"type": "number"},
    "maximum": {"type": "number"},
    "maxLength": _COUNT,
    "minLength": _COUNT_OR_0,
    "pattern": {"type": "string", "format": "regex"},
    "enum": {"type": "array"},
    "readonly": {"type": "boolean"},
    "default": {},
    "items": {"type": "object", "properties": {"type": _TYPE, "enum": {"type": "array"}}},
    "maxItems": _COUNT,
    "minItems": _COUNT_OR_0,
    "uniqueItems": {"type": "boolean", "default": False},
    "additionalItems": {"type": "boolean"},
}
_COUNTS: Json = {
    "positiveInteger": {"type": "integer", "minimum": 0},
    "positiveIntegerDefault0": {"allOf": [_COUNT, {"default": 0}]},
}
DEFINITIONS: Json = {
    **_COUNTS,
    "stringArray": {"type": "array", "items": _STRING, "uniqueItems": True},
    "property": {
        "type": "object",
        "additionalProperties": {"type": "object", "required": ["title", "type"], "properties": PROPERTY_FIELDS},
    },
}
_PROPERTY_DEFINITIONS: Json = {**_COUNTS, "stringArray": {**DEFINITIONS["stringArray"], "minItems": 1}}
_ASSOCIATION_FIELDS: Json = {
    "name": _text("The resource type, named after Heat's.", NAME_LIMIT),
    "prefix": _text("What names of properties start with on things of this type, separator included.", NAME_LIMIT),
    "properties_target": _text("Which of several sets of properties is meant, such as image.", NAME_LIMIT),
}
_OBJECT_FIELDS: Json = {"name": _STRING, "description": _STRING, "required": _NAMES, "properties": _PROPERTIES}
_NAMESPACE_FIELDS: Json = {
    "namespace": _text("The namespace's name, unique in the catalogue.", NAME_LIMIT),
    "display_name": _text("The name that dashboards show.", NAME_LIMIT),
    "description": _text("What the namespace is about.", DESCRIPTION_LIMIT),
    "visibility": {"type": "string", "enum": [*reversed(Scope)], "description": "Who besides the owner sees it."},
    "protected": {"type": "boolean", "description": "Whether it, and what it holds, is protected against deletion."},
    "owner": _text("The project that owns it.", OWNER_LIMIT),
    **TIMES,
    **_LINKED,
    "resource_type_associations": {
        "type": "array",
        "items": {"type": "object", "properties": dict.fromkeys(_ASSOCIATION_FIELDS, _STRING)},
    },
    "properties": _PROPERTIES,
    "objects": {"type": "array", "items": {"type": "object", "properties": _OBJECT_FIELDS}},
    "tags": {"type": "array", "items": {"type": "object", "properties": {"name": _STRING}}},
}
_NAME = {"type": "string", "maxLength": NAME_LIMIT}


def _schema(name: str, properties: Json, required: list[str]) -> Json:
    return {"name": name, "properties": properties, "additionalProperties": False, "required": required}


NAMESPACE = _schema("namespace", _NAMESPACE_FIELDS, ["namespace"])
PROPERTY = _schema("property", PROPERTY_FIELDS, ["type", "title"])
OBJECT = _schema("object", {**_OBJECT_FIELDS, "name": _NAME, **_LINKED, **TIMES}, ["name"])
TAG = _schema("tag", {"name": _NAME, **TIMES}, ["name"])
ASSOCIATION = _schema("resource_type_association", {**_ASSOCIATION_FIELDS, **TIMES}, ["name"])


def collection(name: str, item: Json, definitions: Json | None = None, *, mapping: bool = False) -> Json:
    """The schema of a list, or of a mapping by names, of `item`."""
    held = {"type": "object", "additionalProperties": item} if mapping else {"type": "array", "items": item}
    ends = {end: {"type": "string"} for end in ("first", "next", "schema")}
    body = {"name": name, "properties": {name: held, **ends}, "links": _LINKS}
    return body if definitions is None else {**body, "definitions": definitions}


async def namespace(_: Call) -> Response:
    return json_response({**NAMESPACE, "definitions": DEFINITIONS})


async def namespaces(_: Call) -> Response:
    return json_response(collection("namespaces", NAMESPACE, DEFINITIONS))


async def item_property(_: Call) -> Response:
    required = ["type", "title", "name"]
    return json_response({**PROPERTY, "required": required, "definitions": _PROPERTY_DEFINITIONS})


async def properties(_: Call) -> Response:
    return json_response(collection("properties", PROPERTY, _PROPERTY_DEFINITIONS, mapping=True))


async def item_object(_: Call) -> Response:
    return json_response({**OBJECT, "definitions": DEFINITIONS})


async def objects(_: Call) -> Response:
    return json_response(collection("objects", OBJECT, DEFINITIONS))


async def tag(_: Call) -> Response:
    return json_response(TAG)


async def tags(_: Call) -> Response:
    return json_response(collection("tags", TAG))


async def resource_type(_: Call) -> Response:
    return json_response(ASSOCIATION)


async def resource_types(_: Call) -> Response:
    return json_response(collection("resource_type_associations", ASSOCIATION))
