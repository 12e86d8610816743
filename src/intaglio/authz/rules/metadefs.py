"""Rules about metadata definitions."""

from collections.abc import Iterator
from functools import partial

from intaglio.authz.rules.base import ADMIN, OWN, Rule

_renewed = partial(Rule, about="namespace", old="rule:metadef_default", since="Xena")
_read = partial(_renewed, check=f"{ADMIN} or (role:reader and ({OWN} or 'public':%(visibility)s))")
_write = partial(Rule, check="rule:metadef_admin", about="namespace")


def _kinds() -> Iterator[Rule]:
    """The rules of what namespaces hold."""
    for kind, kinds, remove in (
        ("object", "objects", "delete"),
        ("property", "properties", "remove"),
        ("tag", "tags", "delete"),
    ):
        yield _read(name=f"get_metadef_{kind}", guards=f"Show one of a namespace's {kinds}.")
        yield _read(name=f"get_metadef_{kinds}", guards=f"List a namespace's {kinds}.")
        for verb, word in (("add", "Add"), ("modify", "Change"), (remove, "Remove")):
            yield _write(name=f"{verb}_metadef_{kind}", guards=f"{word} one of a namespace's {kinds}.")


METADEF_RULES = (
    Rule("metadef_default", "", "What older defaults of metadata definitions refer to.", "nothing", any_scope=True),
    Rule("metadef_admin", ADMIN, "Who writes metadata definitions.", "nothing", any_scope=True),
    _read(name="get_metadef_namespace", guards="Show a namespace; who is refused this gets 404 from calls on it."),
    _renewed("get_metadef_namespaces", f"{ADMIN} or (role:reader and {OWN})", "List namespaces.", about="project"),
    _write(name="add_metadef_namespace", guards="Create a namespace."),
    _write(name="modify_metadef_namespace", guards="Change a namespace."),
    _write(name="delete_metadef_namespace", guards="Delete a namespace, or all of its objects, properties or tags."),
    _read(name="get_metadef_resource_type", guards="List the resource types of a namespace."),
    _read(name="list_metadef_resource_types", guards="List all resource types."),
    _write(name="add_metadef_resource_type_association", guards="Tie a resource type to a namespace."),
    _write(name="remove_metadef_resource_type_association", guards="Untie a resource type from a namespace."),
    *_kinds(),
    _write(name="add_metadef_tags", guards="Replace all tags of a namespace."),
    _write(name="delete_metadef_tags", guards="Remove all tags of a namespace."),
)
