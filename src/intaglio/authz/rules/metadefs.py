"""Rules about the catalogue of metadata definitions."""

from intaglio.authz.rules.base import Rule

_ADMIN = "rule:context_is_admin"
_WRITE = "rule:metadef_admin"
_SEEN = f"{_ADMIN} or (role:reader and (project_id:%(project_id)s or 'public':%(visibility)s))"

METADEF_RULES = (
    Rule("metadef_default", "", "What the older defaults of these rules fall back to."),
    Rule("metadef_admin", "role:admin", "Who changes the catalogue, unless a rule of its own says otherwise."),
    Rule("get_metadef_namespace", _SEEN, "Show a namespace; decides 404 or 403 elsewhere."),
    Rule(
        "get_metadef_namespaces",
        f"{_ADMIN} or (role:reader and project_id:%(project_id)s)",
        "List namespaces.",
    ),
    Rule("add_metadef_namespace", _WRITE, "Define a namespace."),
    Rule("modify_metadef_namespace", _WRITE, "Change a namespace's own fields."),
    Rule("delete_metadef_namespace", _WRITE, "Delete a namespace, or all properties, objects or tags in it."),
    Rule("get_metadef_object", _SEEN, "Show an object."),
    Rule("get_metadef_objects", _SEEN, "List a namespace's objects."),
    Rule("add_metadef_object", _WRITE, "Define an object."),
    Rule("modify_metadef_object", _WRITE, "Change an object."),
    Rule("delete_metadef_object", _WRITE, "Delete an object."),
    Rule("get_metadef_property", _SEEN, "Show a property."),
    Rule("get_metadef_properties", _SEEN, "List a namespace's properties."),
    Rule("add_metadef_property", _WRITE, "Define a property."),
    Rule("modify_metadef_property", _WRITE, "Change a property."),
    Rule("remove_metadef_property", _WRITE, "Delete a property."),
    Rule("get_metadef_tag", _SEEN, "Show a tag."),
    Rule("get_metadef_tags", _SEEN, "List a namespace's tags."),
    Rule("add_metadef_tag", _WRITE, "Add a tag."),
    Rule("add_metadef_tags", _WRITE, "Add or replace many tags."),
    Rule("modify_metadef_tag", _WRITE, "Rename a tag."),
    Rule("delete_metadef_tag", _WRITE, "Delete a tag."),
    Rule("delete_metadef_tags", _WRITE, "Delete all tags."),
    Rule("get_metadef_resource_type", _SEEN, "Show a namespace's association with a resource type."),
    Rule("list_metadef_resource_types", _SEEN, "List resource types, and a namespace's associations with them."),
    Rule("add_metadef_resource_type_association", _WRITE, "Associate a namespace with a resource type."),
    Rule("remove_metadef_resource_type_association", _WRITE, "End such an association."),
)
