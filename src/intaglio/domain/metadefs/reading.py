"""Turns JSON documents into definitions: the bodies of requests and the files operators have.

Everything is checked here, so that what is recorded can be shown, by Glance too. A name is part of a path: an empty
one, or one with a slash, could never be reached again and is refused.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from intaglio.domain.metadefs.model import (
    Association,
    Content,
    Definition,
    DefinitionExists,
    Namespace,
    Object,
    Property,
    Scope,
    Tag,
)
from intaglio.domain.metadefs.schemas import InvalidDefinition, property_schema, with_text_default
from intaglio.domain.properties import ReadOnlyField, storable

NAME_LIMIT = 80  # characters of names, prefixes, display names
DESCRIPTION_LIMIT = 500  # characters of a namespace's description
OWNER_LIMIT = 255
TEXT_LIMIT = 65535  # bytes of a TEXT column on MariaDB
FILE_OWNER = "admin"  # of a file that names no owner; Glance's loader takes the same

_READ_ONLY = ("self", "schema", "created_at", "updated_at")
_TIMES = ("created_at", "updated_at")
_NAMESPACE_FIELDS = (
    "namespace",
    "display_name",
    "description",
    "visibility",
    "protected",
    "owner",
    "resource_type_associations",
    "properties",
    "objects",
    "tags",
)

Json = Mapping[str, Any]
Read = TypeVar("Read")
Named = TypeVar("Named", bound=Content)


def namespace_body(document: object, *, owner: str) -> Definition:
    """What the body of a POST, or of a PUT, of a namespace defines; `owner` unless it names another one.

    Raises `InvalidDefinition`, `ReadOnlyField`, and `DefinitionExists` when it names one thing twice.
    """
    definition = _definition(_body(document, _READ_ONLY), owner)
    properties = tuple(replace(each, schema=with_text_default(each.schema)) for each in definition.properties)
    return replace(definition, properties=properties, objects=tuple(_as_sent(each) for each in definition.objects))


def property_body(document: object) -> Property:
    """A property as it is sent by itself, with its name. Raises `InvalidDefinition`, `ReadOnlyField`."""
    body = _body(document, _TIMES)
    name = reachable("name", body.get("name"))
    schema = property_schema(f"The property '{name}'", body)
    return _sized(Property(name=name, schema=with_text_default(schema)))


def object_body(document: object) -> Object:
    """An object as it is sent by itself. Raises `InvalidDefinition`, `ReadOnlyField`."""
    return _as_sent(_object(_body(document, _READ_ONLY)))


def tag_body(document: object) -> Tag:
    """A tag as it is sent by itself. Raises `InvalidDefinition`, `ReadOnlyField`."""
    return _tag(_body(document, _TIMES))


def tags_body(document: object) -> tuple[Tag, ...]:
    """Many tags. Raises `InvalidDefinition`, `ReadOnlyField`."""
    body = _body(document, _TIMES)
    _require_known(body, ("tags",), "The body")
    if "tags" not in body:
        raise InvalidDefinition('The body must be an object such as {"tags": [{"name": "…"}]}.')
    return _distinct("tags", _each("tags", body["tags"], _tag))


def association_body(document: object) -> Association:
    """An association with a resource type. Raises `InvalidDefinition`, `ReadOnlyField`."""
    return _association(_body(document, _TIMES))


def file_definition(document: object) -> Definition:
    """What one of the files that `glance-manage db load_metadefs` reads defines. Raises `InvalidDefinition`.

    Null stands for what is not there. Defaults stay as they are written, so that an export writes them so again.
    """
    if not isinstance(document, Mapping):
        raise InvalidDefinition("The document must be an object with a 'namespace'.")
    body = {key: value for key, value in document.items() if value is not None and key not in _READ_ONLY}
    return _definition(body, FILE_OWNER)


def reachable(field: str, value: object) -> str:
    """A name that can stand in a path. Raises `InvalidDefinition`."""
    name = _text(field, value, NAME_LIMIT)
    if name in {"", ".", ".."} or "/" in name:
        raise InvalidDefinition(f"'{field}' becomes part of a path: it must not be empty, '.' or '..', or hold a '/'.")
    return name


def _definition(body: Json, owner: str) -> Definition:
    _require_known(body, _NAMESPACE_FIELDS, "The namespace")
    properties = _mapping("properties", body.get("properties", {}))
    return Definition(
        namespace=Namespace(
            namespace=reachable("namespace", body.get("namespace")),
            display_name=_optional(body, "display_name", NAME_LIMIT),
            description=_optional(body, "description", DESCRIPTION_LIMIT),
            visibility=_scope(body.get("visibility", Scope.PRIVATE)),
            protected=_flag("protected", body.get("protected", False)),
            owner=_text("owner", body["owner"], OWNER_LIMIT) if "owner" in body else owner,
        ),
        associations=_distinct(
            "resource_type_associations",
            _each("resource_type_associations", body.get("resource_type_associations", []), _association),
        ),
        properties=tuple(
            _sized(Property(name=reachable("properties", name), schema=property_schema(f"The property '{name}'", each)))
            for name, each in properties.items()
        ),
        objects=_distinct("objects", _each("objects", body.get("objects", []), _object)),
        tags=_distinct("tags", _each("tags", body.get("tags", []), _tag)),
    )


def _association(body: Json) -> Association:
    body = {key: value for key, value in body.items() if key not in _TIMES}
    _require_known(body, ("name", "prefix", "properties_target"), "The resource type association")
    return Association(
        name=reachable("name", body.get("name")),
        prefix=_optional(body, "prefix", NAME_LIMIT),
        properties_target=_optional(body, "properties_target", NAME_LIMIT),
    )


def _object(body: Json) -> Object:
    body = {key: value for key, value in body.items() if key not in _READ_ONLY}
    _require_known(body, ("name", "description", "required", "properties"), "The object")
    name = reachable("name", body.get("name"))
    description = body.get("description")
    made = Object(
        name=name,
        description=None if description is None else _text("description", description, TEXT_LIMIT),
        required=_required(name, body.get("required", [])),
        properties={
            _text("properties", key, NAME_LIMIT): property_schema(f"The property '{key}' of the object '{name}'", each)
            for key, each in _mapping("properties", body.get("properties", {})).items()
        },
    )
    return _sized(made)


def _required(name: str, value: object) -> tuple[str, ...]:
    """Names of properties; they are kept as one text with commas between them."""
    names = _each("required", value, lambda item: _text("required", item, NAME_LIMIT))
    if len(set(names)) != len(names) or any("," in each or not each for each in names):
        raise InvalidDefinition(f"'required' of the object '{name}' must name different properties, without commas.")
    return names


def _tag(body: Json) -> Tag:
    _require_known(body, ("name",), "The tag")
    return Tag(name=reachable("name", body.get("name")))


def _as_sent(made: Object) -> Object:
    return replace(made, properties={key: with_text_default(each) for key, each in made.properties.items()})


def _body(document: object, read_only: tuple[str, ...]) -> Json:
    if not isinstance(document, Mapping):
        raise InvalidDefinition('The body must be a JSON object, such as {"name": "…"}.')
    for field in read_only:
        if field in document:
            raise ReadOnlyField(f"'{field}' is read-only: only the service sets it.")
    for field, value in document.items():
        if value is None and field != "default":
            raise InvalidDefinition(f"'{field[:80]}' must not be null; leave it out instead.")
    return document


def _require_known(body: Json, known: tuple[str, ...], where: str) -> None:
    if not isinstance(body, Mapping):
        raise InvalidDefinition(f"{where} must be an object.")
    for field in body:
        if field not in known:
            raise InvalidDefinition(
                f"{where} has the unknown field '{field[:80]}'; these are known: {', '.join(known)}."
            )


def _each(field: str, value: object, read: Callable[[Any], Read]) -> tuple[Read, ...]:
    if not isinstance(value, list):
        raise InvalidDefinition(f"'{field}' must be a list.")
    return tuple(read(item) for item in value)


def _mapping(field: str, value: object) -> Json:
    if not isinstance(value, Mapping):
        raise InvalidDefinition(f"'{field}' must be an object that maps names to properties.")
    return value


def _distinct(field: str, items: tuple[Named, ...]) -> tuple[Named, ...]:
    seen: set[str] = set()
    for item in items:
        if item.name in seen:
            raise DefinitionExists(f"'{field}' names '{item.name}' twice.")
        seen.add(item.name)
    return items


def _scope(value: object) -> Scope:
    if isinstance(value, str) and value in set(Scope):
        return Scope(value)
    raise InvalidDefinition(f"'visibility' must be one of {', '.join(Scope)}.")


def _flag(field: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidDefinition(f"'{field}' must be true or false.")
    return value


def _optional(body: Json, field: str, limit: int) -> str | None:
    return None if body.get(field) is None else _text(field, body[field], limit)


def _text(field: str, value: object, limit: int) -> str:
    if not isinstance(value, str):
        raise InvalidDefinition(f"'{field}' must be a string{'; it is missing' if value is None else ''}.")
    if len(value) > limit:
        raise InvalidDefinition(f"'{field}' has {len(value)} characters; at most {limit} are allowed.")
    storable(field, value)
    return value


def _sized(made: Named) -> Named:
    """What is kept as one text must fit the column."""
    if len(msgspec.json.encode(made)) > TEXT_LIMIT:
        raise InvalidDefinition(f"'{made.name}' is longer than {TEXT_LIMIT} bytes when it is written as JSON.")
    return made
