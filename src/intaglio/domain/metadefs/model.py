"""The nouns of the catalogue as values. Times are naive UTC; None is a time that was never recorded."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from intaglio.base.errors import Conflict, Forbidden, NotFound

Schema = Mapping[str, Any]
"""How one property may be filled, as JSON: `title`, `type`, `enum`, `minimum`, … (`reading.PROPERTY_FIELDS`)."""

IMAGES = "OS::Glance::Image"  # the resource type of images
VOLUMES = "OS::Cinder::Volume"


class NamespaceNotFound(NotFound):
    """No namespace has this name, or the caller may not see it."""

    code = "metadef-namespace-not-found"


class DefinitionNotFound(NotFound):
    """The namespace holds no such property, object, tag or resource type."""

    code = "metadef-not-found"


class DefinitionExists(Conflict):
    """The name is taken already, in the catalogue or in the namespace."""

    code = "metadef-exists"


class NamespaceProtected(Forbidden):
    """The namespace is protected: nothing in it can be deleted."""

    code = "metadef-protected"


class Scope(StrEnum):
    """Who besides the owner sees a namespace."""

    PUBLIC = "public"
    PRIVATE = "private"


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """Something in a namespace, with a name of its own there."""

    name: str
    created_at: datetime | None = None
    updated_at: datetime | None = None
    id: int | None = None  # the row; None until it is recorded, and of an association


class Association(Content, frozen=True, kw_only=True):
    """What a namespace is for: things of the resource type `name`, whose properties then start with `prefix`."""

    prefix: str | None = None
    properties_target: str | None = None


class Property(Content, frozen=True, kw_only=True):
    """One property and its schema."""

    schema: Schema


class Object(Content, frozen=True, kw_only=True):
    """A group of properties that belong together; `required` names those that are never left out."""

    description: str | None = None
    required: tuple[str, ...] = ()
    properties: Mapping[str, Schema] = {}


class Tag(Content, frozen=True, kw_only=True):
    """A word that a namespace offers."""


class ResourceType(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of thing that has properties; named after Heat's resource types."""

    name: str
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Namespace(msgspec.Struct, frozen=True, kw_only=True):
    """A namespace without what it holds."""

    namespace: str
    display_name: str | None = None
    description: str | None = None
    visibility: Scope = Scope.PRIVATE
    protected: bool = False
    owner: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    id: int | None = None


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """A namespace with all that it holds, in the order in which it was defined."""

    namespace: Namespace
    associations: tuple[Association, ...] = ()
    properties: tuple[Property, ...] = ()
    objects: tuple[Object, ...] = ()
    tags: tuple[Tag, ...] = ()

    @property
    def name(self) -> str:
        """The namespace's name."""
        return self.namespace.namespace
