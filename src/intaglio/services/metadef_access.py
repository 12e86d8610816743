"""May this caller know of this namespace, and do this in it? What they may not see does not exist."""

from collections.abc import Mapping
from typing import Any

from intaglio.authz.engine import Caller
from intaglio.base.errors import Invalid
from intaglio.db.base import Connection
from intaglio.db.repos import metadef_namespaces as namespaces
from intaglio.domain.metadefs.model import Namespace, NamespaceNotFound, NamespaceProtected, Scope
from intaglio.domain.properties import storable
from intaglio.domain.query import Viewer
from intaglio.services.parts import Parts


def viewer(caller: Caller) -> Viewer:
    """Through whose eyes the catalogue is seen."""
    return Viewer(caller.principal.project_id, caller.principal.is_admin)


def own(caller: Caller) -> Mapping[str, Any]:
    """The target of calls that concern no one namespace."""
    return {"project_id": caller.principal.project_id or ""}


def target(namespace: Namespace) -> Mapping[str, Any]:
    """A namespace, and what it holds, as rules see it."""
    return {"project_id": namespace.owner, "owner": namespace.owner, "visibility": namespace.visibility.value}


async def visible_namespace(conn: Connection, parts: Parts, caller: Caller, name: str, *rules: str) -> Namespace:
    """The namespace, if the caller may see it and do what `rules` name in it.

    Raises `NamespaceNotFound`, and `PolicyRefused` only to those who may see it.
    """
    try:
        storable("namespace", name)
        namespace = await namespaces.get(conn, name)
    except Invalid:
        namespace = None
    if namespace is None:
        raise not_found(name)
    if not _shown_to(caller, namespace):
        parts.policy.hidden(caller, f"namespace {namespace.namespace} ({namespace.visibility}, of {namespace.owner})")
        raise not_found(name)
    if not may_see(parts, caller, namespace):
        parts.policy.refused("get_metadef_namespace", caller, target(namespace))
        raise not_found(name)
    for rule in rules:
        parts.policy.require(rule, caller, target(namespace))
    return namespace


def may_see(parts: Parts, caller: Caller, namespace: Namespace) -> bool:
    """Whether the policy shows the namespace to the caller."""
    return parts.policy.allows("get_metadef_namespace", caller, target(namespace))


def row_of(namespace: Namespace) -> int:
    """The number of the row of a namespace that was read."""
    if namespace.id is None:
        raise ValueError(namespace.namespace)
    return namespace.id


def require_unprotected(namespace: Namespace) -> None:
    """Raise `NamespaceProtected` when nothing may be deleted."""
    if namespace.protected:
        raise NamespaceProtected(
            f"The namespace '{namespace.namespace}' is protected; set protected to false before deleting anything."
        )


def not_found(name: str) -> NamespaceNotFound:
    """The answer about a namespace that does not exist for the caller."""
    return NamespaceNotFound(f"There is no namespace named '{name[:80]}'.")


def _shown_to(caller: Caller, namespace: Namespace) -> bool:
    principal = caller.principal
    public = namespace.visibility is Scope.PUBLIC
    return principal.is_admin or public or principal.project_id == namespace.owner
