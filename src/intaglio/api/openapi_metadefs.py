"""The catalogue's documents in the OpenAPI description: the same schemas that clients are given, in its dialect."""

from typing import Any

from intaglio.api.v2 import metadefs_schemas as schemas

Json = dict[str, Any]

_DEFINITIONS = "#/definitions/"
_COMPONENTS = "#/components/schemas/Metadef_"


_STRING = {"type": "string"}
_VALIDATION: Json = {
    "type": "object",
    "properties": {
        "image_id": {"type": "string", "format": "uuid"},
        "valid": {"type": "boolean"},
        "findings": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "property": _STRING,
                    "value": _STRING,
                    "severity": {"type": "string", "enum": ["error", "warning"]},
                    "code": _STRING,
                    "namespace": {"type": ["null", "string"]},
                    "message": _STRING,
                },
            },
        },
        "undefined": {"type": "array", "items": _STRING},
        "suggestions": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "property": _STRING,
                    "value": _STRING,
                    "current": {"type": ["null", "string"]},
                    "reason": _STRING,
                    "certain": {"type": "boolean"},
                },
            },
        },
    },
}


def metadef_schemas() -> Json:
    """The components by their names."""
    items = {
        "MetadefNamespace": schemas.NAMESPACE,
        "MetadefProperty": schemas.PROPERTY,
        "MetadefObject": schemas.OBJECT,
        "MetadefTag": schemas.TAG,
        "MetadefAssociation": schemas.ASSOCIATION,
    }
    lists: Json = {
        "MetadefNamespaces": _list("namespaces", "MetadefNamespace"),
        "MetadefProperties": _object(properties=_map("MetadefProperty")),
        "MetadefObjects": _list("objects", "MetadefObject"),
        "MetadefTags": _list("tags", "MetadefTag"),
        "MetadefAssociations": _list("resource_type_associations", "MetadefAssociation"),
        "MetadefResourceTypes": _object(
            resource_types={"type": "array", "items": _object(name={"type": "string"}, **schemas.TIMES)}
        ),
    }
    lists["Validation"] = _VALIDATION
    shared = {f"Metadef_{name}": _translated(each) for name, each in schemas.DEFINITIONS.items()}
    return {name: _translated(each) | {"type": "object"} for name, each in items.items()} | lists | shared


def _list(name: str, item: str) -> Json:
    ends = {end: {"type": "string"} for end in ("first", "next", "schema")}
    return _object(**{name: {"type": "array", "items": {"$ref": f"#/components/schemas/{item}"}}}, **ends)


def _map(item: str) -> Json:
    return {"type": "object", "additionalProperties": {"$ref": f"#/components/schemas/{item}"}}


def _object(**properties: Json) -> Json:
    return {"type": "object", "properties": properties}


def _translated(schema: Any) -> Any:
    """The schema with its references pointing to components, and without draft 4's `name`."""
    if isinstance(schema, list):
        return [_translated(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    out = {}
    for key, value in schema.items():
        if key == "$ref":
            out[key] = value.replace(_DEFINITIONS, _COMPONENTS)
        elif not (key == "name" and isinstance(value, str)):
            out[key] = _translated(value)
    return out
