"""The schemas of the catalogue, and that they say what is accepted."""

import pytest

from tests.api.wire import Caller

FIELDS = {
    "namespace": {
        "namespace", "display_name", "description", "visibility", "protected", "owner", "created_at", "updated_at",
        "schema", "self", "resource_type_associations", "properties", "objects", "tags",
    },
    "resource_type": {"name", "prefix", "properties_target", "created_at", "updated_at"},
    "property": {
        "name", "title", "description", "operators", "type", "required", "minimum", "maximum", "maxLength", "minLength",
        "pattern", "enum", "readonly", "default", "items", "maxItems", "minItems", "uniqueItems", "additionalItems",
    },
    "object": {"name", "description", "required", "properties", "schema", "self", "created_at", "updated_at"},
    "tag": {"name", "created_at", "updated_at"},
}  # fmt: skip
REQUIRED = {
    "namespace": {"namespace"},
    "resource_type": {"name"},
    "property": {"name", "title", "type"},
    "object": {"name"},
    "tag": {"name"},
}
PLURAL = {
    "namespace": "namespaces",
    "resource_type": "resource_types",
    "property": "properties",
    "object": "objects",
    "tag": "tags",
}


@pytest.mark.parametrize("kind", FIELDS)
def test_item(member: Caller, kind: str) -> None:
    schema = member.get(f"/v2/schemas/metadefs/{kind}").json()
    assert schema["properties"].keys() == FIELDS[kind]
    assert set(schema["required"]) == REQUIRED[kind]
    assert schema["additionalProperties"] is False
    assert ("definitions" in schema) == (kind in {"namespace", "property", "object"})


@pytest.mark.parametrize("kind", FIELDS)
def test_collection(member: Caller, kind: str) -> None:
    schema = member.get(f"/v2/schemas/metadefs/{PLURAL[kind]}").json()
    name = schema["name"]
    assert name == {"resource_type": "resource_type_associations"}.get(kind, PLURAL[kind])
    assert schema["properties"].keys() == {name, "first", "next", "schema"}
    held = schema["properties"][name]
    item = held["additionalProperties"] if kind == "property" else held["items"]
    assert item["properties"].keys() == FIELDS[kind]
    assert {link["rel"] for link in schema["links"]} == {"first", "next", "describedby"}


def test_every_type_can_be_chosen(member: Caller) -> None:
    schema = member.get("/v2/schemas/metadefs/property").json()
    types = {"array", "boolean", "integer", "number", "object", "string", None}
    assert set(schema["properties"]["type"]["enum"]) == types
