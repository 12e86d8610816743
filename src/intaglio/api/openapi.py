"""Describes the routes table as an OpenAPI 3.1 document."""

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import msgspec

from intaglio.api.openapi_evidence import evidence_schemas
from intaglio.api.openapi_metadefs import metadef_schemas
from intaglio.api.openapi_receipts import receipt_schemas
from intaglio.api.route import Route
from intaglio.api.settings import RateClass
from intaglio.api.v2.schemas import MEMBER, TASK, image_properties
from intaglio.domain.patch import VERBS
from intaglio.domain.properties import BASE_FIELDS, Formats
from intaglio.domain.validation_data import ALGORITHMS
from intaglio.imports.methods import METHODS
from intaglio.outbound.urls import LONGEST
from intaglio.services.explain import Answer

_JSON = "application/json"
_PATH_VARIABLES = {
    "image_id": {"type": "string", "format": "uuid"},
    "tag": {"type": "string", "maxLength": 255},
    "namespace": {"type": "string", "maxLength": 80},
    "resource_type": {"type": "string", "maxLength": 80},
    "property_name": {"type": "string", "maxLength": 80},
    "object_name": {"type": "string", "maxLength": 80},
    "tag_name": {"type": "string", "maxLength": 80},
    "member_id": {"type": "string", "maxLength": 255},
    "store_id": {"type": "string"},
    "task_id": {"type": "string", "format": "uuid"},
}
_OTHER_THAN_JSON = {"Data": "application/octet-stream", "Events": "text/event-stream", "Metrics": "text/plain"}
_RECEIPT_TYPE = "application/vnd.dsse.envelope.v1+json"
_PATCHES = {
    "application/openstack-images-v2.1-json-patch": "Patch",
    "application/openstack-images-v2.0-json-patch": "OlderPatch",
}


def document(routes: Iterable[Route], formats: Formats, base_url: str) -> dict[str, Any]:
    """The OpenAPI 3.1 description of `routes`, for a service that accepts `formats`."""
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Intaglio: OpenStack Images API v2",
            "version": "2.17",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": base_url}],
        "paths": paths,
        "components": {
            "schemas": _schemas(formats),
            "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}},
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    variables = [
        {"name": name, "in": "path", "required": True, "schema": _PATH_VARIABLES[name]}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    operation: dict[str, Any] = {
        "operationId": f"{route.handler.__module__.rpartition('.')[2]}.{route.handler.__name__}.{route.method.lower()}",
        "summary": route.summary,
        "parameters": [*variables, *route.parameters],
        "responses": _responses(route),
        "security": [] if route.public else [{"basic": []}],
    }
    operation["x-rate-class"] = route.rate.value
    if route.rules:
        operation["x-policy-rules"] = list(route.rules)
    if route.request:
        operation["requestBody"] = {"required": True, "content": _content(route.request)}
    return operation


def _responses(route: Route) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, description in route.success.items():
        responses[str(status)] = {"description": description}
        if route.response and status in {HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.PARTIAL_CONTENT}:
            responses[str(status)]["content"] = _content(route.response)
    refusal = _content("Health") if route.response == "Health" else {"text/html": {}, "text/plain": {}}
    limited = {} if route.rate == RateClass.FREE else {429: "Too many calls of this class; see Retry-After."}
    for status, description in sorted({**route.errors, **limited}.items()):
        responses[str(status)] = {"description": description, "content": refusal}
    return responses


def _content(name: str) -> dict[str, Any]:
    if name in _OTHER_THAN_JSON:
        return {_OTHER_THAN_JSON[name]: {}}
    content: dict[str, Any] = {"text/plain": {}} if name == "Health" else {}
    kinds = _PATCHES if name == "Patch" else {_RECEIPT_TYPE if name == "Receipt" else _JSON: name}
    for media_type, kind in kinds.items():
        content[media_type] = {"schema": {"$ref": f"#/components/schemas/{kind}"}}
    return content


_NUMBER = {"type": "integer", "minimum": 0}
_HEALTH = {"type": "object", "properties": {"healthy": {"type": "boolean"}, "reason": {"type": "string"}}}
_FACETS = {
    "type": "object",
    "properties": {
        "total": _NUMBER,
        "facets": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "properties": {
                    "values": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {"value": {"type": ["string", "boolean"]}, "count": _NUMBER},
                            "required": ["value", "count"],
                        },
                    },
                    "distinct": _NUMBER,
                    "missing": _NUMBER,
                },
                "required": ["values", "distinct", "missing"],
            },
        },
    },
    "required": ["total", "facets"],
}


_TEXT = {"type": "string"}
_STORE = {
    "type": "object",
    "properties": {"id": _TEXT, "description": _TEXT, "default": _TEXT, "read-only": _TEXT},
    "required": ["id"],
}
_IMPORT = {
    "type": "object",
    "properties": {
        "method": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "enum": list(METHODS)},
                **{
                    name: _TEXT
                    for method in METHODS.values()
                    for name in (*method.details, *method.optional, *method.extras)
                },
            },
            "required": ["name"],
        },
        "stores": {"type": "array", "items": _TEXT, "minItems": 1},
        "all_stores": {"type": "boolean", "default": False},
        "all_stores_must_succeed": {"type": "boolean", "default": True},
    },
    "required": ["method"],
}
_NEW_LOCATION = {
    "type": "object",
    "properties": {
        "url": {"type": "string", "minLength": 1, "maxLength": LONGEST},
        "validation_data": {
            "type": "object",
            "properties": {
                "os_hash_algo": {"type": "string", "enum": list(ALGORITHMS)},
                "os_hash_value": {"type": "string", "pattern": "^[0-9a-fA-F]+$", "maxLength": 128},
            },
            "required": ["os_hash_algo", "os_hash_value"],
            "additionalProperties": False,
        },
    },
    "required": ["url"],
}
_USAGE = {"type": "object", "properties": {"usage": {"type": "integer"}, "limit": {"type": "integer"}}}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    """An object that has all of `properties`."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def _schemas(formats: Formats) -> dict[str, Any]:
    fields = image_properties(formats, multi=True)
    _, answers = msgspec.json.schema_components([Answer], ref_template="#/components/schemas/{name}")
    settable = {name: fields[name] for name in ("id", *BASE_FIELDS)}
    return {
        **metadef_schemas(),
        **receipt_schemas(),
        **evidence_schemas(),
        **answers,
        "Image": {"type": "object", "properties": fields, "additionalProperties": {"type": "string"}},
        "NewImage": {"type": "object", "properties": settable, "additionalProperties": {"type": "string"}},
        "Images": {
            "type": "object",
            "properties": {
                "images": {"type": "array", "items": {"$ref": "#/components/schemas/Image"}},
                "first": {"type": "string"},
                "next": {"type": "string"},
                "schema": {"type": "string"},
            },
            "required": ["images", "first", "schema"],
        },
        "Facets": _FACETS,
        "Member": _object(MEMBER["properties"]),
        "Members": _object(
            {"members": {"type": "array", "items": {"$ref": "#/components/schemas/Member"}}, "schema": _TEXT}
        ),
        "NewMember": _object({"member": {"type": "string", "minLength": 1, "maxLength": 255}}),
        "MemberStatus": _object({"status": MEMBER["properties"]["status"]}),
        "Task": {"type": "object", "properties": TASK["properties"]},
        "Tasks": {
            "type": "object",
            "properties": {
                "tasks": {"type": "array", "items": {"$ref": "#/components/schemas/Task"}},
                "first": _TEXT,
                "next": _TEXT,
                "schema": _TEXT,
            },
            "required": ["tasks", "first", "schema"],
        },
        "ImageTasks": _object({"tasks": {"type": "array", "items": {"$ref": "#/components/schemas/Task"}}}),
        "NewTask": _object({"type": TASK["properties"]["type"], "input": {"type": "object"}}),
        "Import": _IMPORT,
        "NewLocation": _NEW_LOCATION,
        "Locations": {"type": "array", "items": _object({"url": _TEXT, "metadata": {"type": "object"}})},
        "ImportMethods": _object({"import-methods": {"type": "object"}, "import-method-extras": {"type": "object"}}),
        "Stores": _object({"stores": {"type": "array", "items": _STORE}}),
        "Usage": _object({"usage": {"type": "object", "additionalProperties": _USAGE}}),
        "Patch": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "op": {"type": "string", "enum": list(VERBS)},
                    "path": {"type": "string"},
                    "value": {},
                },
                "required": ["op", "path"],
            },
        },
        "OlderPatch": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"value": {}, **{verb: {"type": "string"} for verb in VERBS}},
                "oneOf": [{"required": [verb]} for verb in VERBS],
            },
        },
        "Schema": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "properties": {"type": "object"}},
            "required": ["name", "properties"],
        },
        "Health": {
            "type": "object",
            "properties": {
                "detailed": {"type": "boolean"},
                "reasons": {"type": "array", "items": {"type": "string"}},
                "database": _HEALTH,
                "stores": {"type": "object", "additionalProperties": _HEALTH},
            },
            "required": ["detailed", "reasons"],
        },
        "Description": {
            "type": "object",
            "properties": {"openapi": {"type": "string"}, "paths": {"type": "object"}},
            "required": ["openapi", "paths"],
        },
    }
