"""The catalogue of metadata definitions."""

from intaglio.api.route import Handler, Route
from intaglio.api.routes.answers import query
from intaglio.api.settings import RateClass
from intaglio.api.v2 import metadefs_namespaces as namespaces
from intaglio.api.v2 import metadefs_objects as objects
from intaglio.api.v2 import metadefs_properties as properties
from intaglio.api.v2 import metadefs_resource_types as types
from intaglio.api.v2 import metadefs_schemas as schemas
from intaglio.api.v2 import metadefs_tags as tags

_ROOT = "/v2/metadefs/namespaces"
_ONE = f"{_ROOT}/{{namespace}}"
_NO_BODY = {400: "The call takes no body, and one was sent."}
_ASKED = {401: "No valid credentials.", 403: "The policy refuses."}
_SEEN = _ASKED | {404: "No such namespace, or not one the caller may see."}
_FOUND = _ASKED | {404: "No such namespace, or nothing of that name in it, or not for the caller to see."}
_DELETED = {403: "The namespace is protected, or the policy refuses."}
_MADE = {
    400: "The body is wrong.",
    403: "A field is read-only, or the policy refuses.",
    409: "The name is taken.",
    413: "The body is larger than any definition could need.",
}
_PAGING = (
    query("limit", "How many a page.", "integer", minimum=0),
    query("marker", "The name of the last one of the page before."),
    query("sort_key", "A field to sort by."),
    query("sort_dir", "asc or desc.", enum=["asc", "desc"]),
)
_RESOURCE_TYPE = query("resource_type", "Names of properties with the prefix they have on this resource type.")
_APPEND = {
    "name": "X-Openstack-Append",
    "in": "header",
    "schema": {"type": "string"},
    "description": "true: keep the tags that are there.",
}

_NAMESPACES = (
    Route(
        method="GET",
        path=_ROOT,
        handler=namespaces.list_namespaces,
        rate=RateClass.LIST,
        summary="List namespaces",
        success={200: "One page of the namespaces the caller may see, with the resource types they are for."},
        rules=("get_metadef_namespaces", "list_metadef_resource_types", "get_metadef_namespace"),
        parameters=(
            *_PAGING,
            query("visibility", "public or private.", enum=["public", "private"]),
            query("resource_types", "a,b: for any one of these resource types."),
        ),
        response="MetadefNamespaces",
        errors=_ASKED | {400: "A parameter is wrong.", 404: "The marker names no namespace."},
    ),
    Route(
        method="POST",
        path=_ROOT,
        handler=namespaces.create,
        rate=RateClass.WRITE,
        summary="Define a namespace, with all it holds if wanted",
        success={201: "The new namespace."},
        rules=(
            "add_metadef_namespace",
            "add_metadef_resource_type_association",
            "add_metadef_object",
            "add_metadef_property",
            "add_metadef_tag",
        ),
        request="MetadefNamespace",
        response="MetadefNamespace",
        errors=_ASKED | _MADE,
    ),
    Route(
        method="GET",
        path=_ONE,
        handler=namespaces.show,
        summary="Show a namespace with all it holds",
        success={200: "The namespace."},
        rules=(
            "get_metadef_namespace",
            "list_metadef_resource_types",
            "get_metadef_objects",
            "get_metadef_properties",
            "get_metadef_tags",
        ),
        parameters=(_RESOURCE_TYPE,),
        response="MetadefNamespace",
        errors=_NO_BODY | _SEEN,
    ),
    Route(
        method="PUT",
        path=_ONE,
        handler=namespaces.update,
        rate=RateClass.WRITE,
        summary="Replace a namespace's own fields",
        success={200: "The namespace; what was left out has its default, what it holds is as it was."},
        rules=("get_metadef_namespace", "modify_metadef_namespace"),
        request="MetadefNamespace",
        response="MetadefNamespace",
        errors=_SEEN | _MADE,
    ),
    Route(
        method="DELETE",
        path=_ONE,
        handler=namespaces.delete,
        rate=RateClass.WRITE,
        summary="Delete a namespace and all it holds",
        success={204: "Deleted."},
        rules=("get_metadef_namespace", "delete_metadef_namespace"),
        errors=_NO_BODY | _SEEN | _DELETED,
    ),
)

_TYPES = (
    Route(
        method="GET",
        path="/v2/metadefs/resource_types",
        handler=types.list_all,
        rate=RateClass.LIST,
        summary="List resource types",
        success={200: "All there are."},
        rules=("list_metadef_resource_types",),
        response="MetadefResourceTypes",
        errors=_NO_BODY | _ASKED,
    ),
    Route(
        method="GET",
        path=f"{_ONE}/resource_types",
        handler=types.list_associations,
        rate=RateClass.LIST,
        summary="List the resource types a namespace is for",
        success={200: "The associations."},
        rules=("get_metadef_namespace", "list_metadef_resource_types", "get_metadef_resource_type"),
        response="MetadefAssociations",
        errors=_NO_BODY | _SEEN,
    ),
    Route(
        method="POST",
        path=f"{_ONE}/resource_types",
        handler=types.associate,
        rate=RateClass.WRITE,
        summary="Associate a namespace with a resource type",
        success={201: "The association; a resource type that was not there is made."},
        rules=("get_metadef_namespace", "add_metadef_resource_type_association"),
        request="MetadefAssociation",
        response="MetadefAssociation",
        errors=_SEEN | _MADE,
    ),
    Route(
        method="DELETE",
        path=f"{_ONE}/resource_types/{{resource_type}}",
        handler=types.dissociate,
        rate=RateClass.WRITE,
        summary="End an association",
        success={204: "Ended; the resource type stays."},
        rules=("get_metadef_namespace", "remove_metadef_resource_type_association"),
        errors=_NO_BODY | _FOUND | _DELETED,
    ),
)

_PROPERTIES = (
    Route(
        method="GET",
        path=f"{_ONE}/properties",
        handler=properties.list_properties,
        rate=RateClass.LIST,
        summary="List a namespace's properties",
        success={200: "All of them, by their names."},
        rules=("get_metadef_namespace", "get_metadef_properties", "get_metadef_property"),
        response="MetadefProperties",
        errors=_NO_BODY | _SEEN,
    ),
    Route(
        method="POST",
        path=f"{_ONE}/properties",
        handler=properties.create,
        rate=RateClass.WRITE,
        summary="Define a property",
        success={201: "The property."},
        rules=("get_metadef_namespace", "add_metadef_property"),
        request="MetadefProperty",
        response="MetadefProperty",
        errors=_SEEN | _MADE,
    ),
    Route(
        method="DELETE",
        path=f"{_ONE}/properties",
        handler=properties.delete_all,
        rate=RateClass.WRITE,
        summary="Delete all properties of a namespace",
        success={204: "Deleted."},
        rules=("get_metadef_namespace", "delete_metadef_namespace"),
        errors=_NO_BODY | _SEEN | _DELETED,
    ),
    Route(
        method="GET",
        path=f"{_ONE}/properties/{{property_name}}",
        handler=properties.show,
        summary="Show a property",
        success={200: "The property."},
        rules=("get_metadef_namespace", "get_metadef_property", "get_metadef_resource_type"),
        parameters=(_RESOURCE_TYPE,),
        response="MetadefProperty",
        errors=_NO_BODY | _FOUND,
    ),
    Route(
        method="PUT",
        path=f"{_ONE}/properties/{{property_name}}",
        handler=properties.update,
        rate=RateClass.WRITE,
        summary="Replace a property",
        success={200: "The property."},
        rules=("get_metadef_namespace", "modify_metadef_property"),
        request="MetadefProperty",
        response="MetadefProperty",
        errors=_FOUND | _MADE,
    ),
    Route(
        method="DELETE",
        path=f"{_ONE}/properties/{{property_name}}",
        handler=properties.delete,
        rate=RateClass.WRITE,
        summary="Delete a property",
        success={204: "Deleted."},
        rules=("get_metadef_namespace", "remove_metadef_property"),
        errors=_NO_BODY | _FOUND | _DELETED,
    ),
)

_OBJECTS = (
    Route(
        method="GET",
        path=f"{_ONE}/objects",
        handler=objects.list_objects,
        rate=RateClass.LIST,
        summary="List a namespace's objects",
        success={200: "All of them, or one page."},
        rules=("get_metadef_namespace", "get_metadef_objects", "get_metadef_object"),
        parameters=_PAGING,
        response="MetadefObjects",
        errors=_FOUND | {400: "A parameter is wrong."},
    ),
    Route(
        method="POST",
        path=f"{_ONE}/objects",
        handler=objects.create,
        rate=RateClass.WRITE,
        summary="Define an object",
        success={201: "The object."},
        rules=("get_metadef_namespace", "add_metadef_object"),
        request="MetadefObject",
        response="MetadefObject",
        errors=_SEEN | _MADE,
    ),
    Route(
        method="DELETE",
        path=f"{_ONE}/objects",
        handler=objects.delete_all,
        rate=RateClass.WRITE,
        summary="Delete all objects of a namespace",
        success={204: "Deleted."},
        rules=("get_metadef_namespace", "delete_metadef_namespace"),
        errors=_NO_BODY | _SEEN | _DELETED,
    ),
    Route(
        method="GET",
        path=f"{_ONE}/objects/{{object_name}}",
        handler=objects.show,
        summary="Show an object",
        success={200: "The object."},
        rules=("get_metadef_namespace", "get_metadef_object"),
        response="MetadefObject",
        errors=_NO_BODY | _FOUND,
    ),
    Route(
        method="PUT",
        path=f"{_ONE}/objects/{{object_name}}",
        handler=objects.update,
        rate=RateClass.WRITE,
        summary="Replace an object",
        success={200: "The object."},
        rules=("get_metadef_namespace", "modify_metadef_object"),
        request="MetadefObject",
        response="MetadefObject",
        errors=_FOUND | _MADE,
    ),
    Route(
        method="DELETE",
        path=f"{_ONE}/objects/{{object_name}}",
        handler=objects.delete,
        rate=RateClass.WRITE,
        summary="Delete an object",
        success={204: "Deleted."},
        rules=("get_metadef_namespace", "delete_metadef_object"),
        errors=_NO_BODY | _FOUND | _DELETED,
    ),
)

_TAGS = (
    Route(
        method="GET",
        path=f"{_ONE}/tags",
        handler=tags.list_tags,
        rate=RateClass.LIST,
        summary="List a namespace's tags",
        success={200: "All of them, or one page."},
        rules=("get_metadef_namespace", "get_metadef_tags", "get_metadef_tag"),
        parameters=_PAGING,
        response="MetadefTags",
        errors=_FOUND | {400: "A parameter is wrong."},
    ),
    Route(
        method="POST",
        path=f"{_ONE}/tags",
        handler=tags.create_many,
        rate=RateClass.WRITE,
        summary="Replace all tags of a namespace, or add many",
        success={201: "The tags that were sent."},
        rules=("get_metadef_namespace", "add_metadef_tags"),
        parameters=(_APPEND,),
        request="MetadefTags",
        response="MetadefTags",
        errors=_SEEN | _MADE,
    ),
    Route(
        method="DELETE",
        path=f"{_ONE}/tags",
        handler=tags.delete_all,
        rate=RateClass.WRITE,
        summary="Delete all tags of a namespace",
        success={204: "Deleted."},
        rules=("get_metadef_namespace", "delete_metadef_namespace", "delete_metadef_tags"),
        errors=_NO_BODY | _SEEN | _DELETED,
    ),
    Route(
        method="GET",
        path=f"{_ONE}/tags/{{tag_name}}",
        handler=tags.show,
        summary="Show a tag of a namespace",
        success={200: "The tag."},
        rules=("get_metadef_namespace", "get_metadef_tag"),
        response="MetadefTag",
        errors=_NO_BODY | _FOUND,
    ),
    Route(
        method="POST",
        path=f"{_ONE}/tags/{{tag_name}}",
        handler=tags.create,
        rate=RateClass.WRITE,
        summary="Add a tag to a namespace",
        success={201: "The tag."},
        rules=("get_metadef_namespace", "add_metadef_tag"),
        response="MetadefTag",
        errors=_SEEN | {400: "The tag is too long, or a body was sent.", 409: "The namespace has the tag."},
    ),
    Route(
        method="PUT",
        path=f"{_ONE}/tags/{{tag_name}}",
        handler=tags.update,
        rate=RateClass.WRITE,
        summary="Rename a tag of a namespace",
        success={200: "The tag."},
        rules=("get_metadef_namespace", "modify_metadef_tag"),
        request="MetadefTag",
        response="MetadefTag",
        errors=_FOUND | _MADE,
    ),
    Route(
        method="DELETE",
        path=f"{_ONE}/tags/{{tag_name}}",
        handler=tags.delete,
        rate=RateClass.WRITE,
        summary="Delete a tag of a namespace",
        success={204: "Deleted."},
        rules=("get_metadef_namespace", "delete_metadef_tag"),
        errors=_NO_BODY | _FOUND | _DELETED,
    ),
)


def _schema(name: str, handler: Handler, of: str) -> Route:
    return Route(
        method="GET",
        path=f"/v2/schemas/metadefs/{name}",
        handler=handler,
        summary=f"The JSON schema of {of}",
        success={200: "The schema."},
        errors=_NO_BODY | {401: "No valid credentials."},
    )


_SCHEMAS = (
    _schema("namespace", schemas.namespace, "a namespace"),
    _schema("namespaces", schemas.namespaces, "a page of namespaces"),
    _schema("resource_type", schemas.resource_type, "an association with a resource type"),
    _schema("resource_types", schemas.resource_types, "associations with resource types"),
    _schema("property", schemas.item_property, "a property"),
    _schema("properties", schemas.properties, "a namespace's properties"),
    _schema("object", schemas.item_object, "an object"),
    _schema("objects", schemas.objects, "a namespace's objects"),
    _schema("tag", schemas.tag, "a namespace's tag"),
    _schema("tags", schemas.tags, "a namespace's tags"),
)

METADEFS_ROUTES = (*_TYPES[:1], *_NAMESPACES, *_TYPES[1:], *_PROPERTIES, *_OBJECTS, *_TAGS, *_SCHEMAS)
