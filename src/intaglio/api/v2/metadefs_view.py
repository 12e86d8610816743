"""The catalogue as JSON, as the Images API v2 shows it. What has no value is left out."""

from datetime import datetime
from typing import Any
from urllib.parse import quote

from msgspec.structs import replace

from intaglio.api.call import Call
from intaglio.api.v2.image_view import timestamp
from intaglio.domain.metadefs.model import Association, Definition, Namespace, Object, Property, ResourceType, Tag
from intaglio.domain.metadefs.schemas import with_text_default

NAMESPACES = "/v2/metadefs/namespaces"

Json = dict[str, Any]


def namespace_view(namespace: Namespace) -> Json:
    """A namespace's own fields."""
    return _without_none(
        {
            "namespace": namespace.namespace,
            "display_name": namespace.display_name,
            "description": namespace.description,
            "visibility": namespace.visibility,
            "protected": namespace.protected,
            "owner": namespace.owner,
            **_times(namespace.created_at, namespace.updated_at),
            "self": f"{NAMESPACES}/{namespace.namespace}",
            "schema": "/v2/schemas/metadefs/namespace",
        }
    )


def definition_view(definition: Definition) -> Json:
    """A namespace with what it holds; kinds of which it holds none are left out."""
    contents = {
        "resource_type_associations": [association_view(each) for each in definition.associations],
        "properties": properties_view(definition.properties),
        "objects": [object_view(definition.name, each) for each in definition.objects],
        "tags": [{"name": each.name} for each in definition.tags],
    }
    return {**namespace_view(definition.namespace), **{name: value for name, value in contents.items() if value}}


def prefixed(definition: Definition, resource_type: str | None) -> Definition:
    """The definition with the names of properties as things of that resource type know them."""
    prefix = next((each.prefix for each in definition.associations if each.name == resource_type), None)
    if not prefix:
        return definition
    return replace(
        definition,
        properties=tuple(replace(each, name=prefix + each.name) for each in definition.properties),
        objects=tuple(
            replace(
                each,
                required=tuple(prefix + name for name in each.required),
                properties={prefix + name: schema for name, schema in each.properties.items()},
            )
            for each in definition.objects
        ),
    )


def association_view(association: Association) -> Json:
    """An association with a resource type."""
    return _without_none(
        {
            "name": association.name,
            "prefix": association.prefix,
            "properties_target": association.properties_target,
            **_times(association.created_at, association.updated_at),
        }
    )


def resource_type_view(resource_type: ResourceType) -> Json:
    """A resource type."""
    return _without_none({"name": resource_type.name, **_times(resource_type.created_at, resource_type.updated_at)})


def property_view(item: Property) -> Json:
    """One property, by itself."""
    return {**with_text_default(item.schema), "name": item.name}


def properties_view(items: tuple[Property, ...]) -> Json:
    """Properties by their names."""
    return {each.name: with_text_default(each.schema) for each in items}


def object_view(namespace: str, item: Object) -> Json:
    """One object."""
    return _without_none(
        {
            "name": item.name,
            "required": item.required,
            "description": item.description,
            "properties": {name: with_text_default(schema) for name, schema in item.properties.items()},
            **_times(item.created_at, item.updated_at),
            "self": f"{NAMESPACES}/{namespace}/objects/{item.name}",
            "schema": "/v2/schemas/metadefs/object",
        }
    )


def tag_view(tag: Tag) -> Json:
    """One tag, by itself."""
    return _without_none({"name": tag.name, **_times(tag.created_at, tag.updated_at)})


def location(call: Call, *segments: str) -> dict[str, str]:
    """The header that says where what was made is found."""
    path = "/".join(quote(segment, safe=":") for segment in segments)
    return {"Location": f"{call.base_url}{NAMESPACES}/{path}"}


def _times(created_at: datetime | None, updated_at: datetime | None) -> Json:
    return {
        "created_at": None if created_at is None else timestamp(created_at),
        "updated_at": None if updated_at is None else timestamp(updated_at),
    }


def _without_none(view: Json) -> Json:
    return {name: value for name, value in view.items() if value is not None}
