"""What a caller asks of the lists of namespaces, objects and tags."""

import msgspec

from intaglio.domain.metadefs.model import Scope
from intaglio.domain.query import Direction, Viewer

NAMESPACE_SORT_KEYS = (
    "created_at",
    "updated_at",
    "namespace",
    "display_name",
    "description",
    "visibility",
    "protected",
    "owner",
    "id",
)
OBJECT_SORT_KEYS = ("created_at", "updated_at", "name", "description", "id")
TAG_SORT_KEYS = ("created_at", "updated_at", "name", "id")


class Paging(msgspec.Struct, frozen=True, kw_only=True):
    """An order and the piece of it that is wanted. What is equal by `sort_key` is in order of creation."""

    sort_key: str = "created_at"
    direction: Direction = Direction.DESC
    limit: int | None = None  # None: everything
    marker: str | None = None  # the name after which the page starts


class NamespaceQuery(msgspec.Struct, frozen=True, kw_only=True):
    """All conditions hold together. A viewer sees public namespaces and those of their project; an admin all."""

    viewer: Viewer
    paging: Paging
    visibility: Scope | None = None
    resource_types: tuple[str, ...] | None = None  # associated with any one of them
