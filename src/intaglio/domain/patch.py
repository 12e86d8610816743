"""JSON patch as the Images API v2 speaks it: reading a document of operations, and applying it to an image.

Two media types exist. The older one (2.0) has `{"add": "/name", "value": …}`, the newer one (2.1) follows RFC 6902's
form with `op` and `path`. Neither knows `test`, `move` or `copy`. Applying yields a new image: the first operation that
cannot be applied leaves everything as it was.
"""

import re
from collections.abc import Callable
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from intaglio.base.errors import Conflict, Forbidden, Invalid
from intaglio.domain import patch_locations
from intaglio.domain.image import Image
from intaglio.domain.patch_locations import Admit
from intaglio.domain.properties import (
    BASE_FIELDS,
    Formats,
    ReadOnlyField,
    base_field,
    custom_property,
    property_name,
    require_settable,
)
from intaglio.domain.status import Status

Verb = Literal["add", "replace", "remove"]
VERBS: tuple[Verb, ...] = ("add", "replace", "remove")
_FORMAT_FIELDS = ("container_format", "disk_format")


class InvalidPatch(Invalid):
    """The patch document is not of the form its media type prescribes."""

    code = "invalid-patch"


class PatchConflict(Conflict):
    """An operation's target is not there, or is there already."""

    code = "patch-conflict"


class FieldNotRemovable(Forbidden):
    """Base fields can be changed, not removed."""

    code = "field-not-removable"


class FormatsFixed(Forbidden):
    """The formats are part of what was verified when the data arrived."""

    code = "formats-fixed"


class LocationsHidden(Forbidden):
    """The service does not let callers handle locations."""

    code = "locations-hidden"


class Operation(msgspec.Struct, frozen=True):
    """One operation on the field or property `name`. `strict_add`: adding what has a value is a conflict (2.0).

    `item` is what the path names inside the field: of the locations, an index or `-` for a new one.
    """

    verb: Verb
    name: str
    value: Any = None
    strict_add: bool = False
    item: str | None = None


def read_v21(document: object) -> tuple[Operation, ...]:
    """The operations of an `openstack-images-v2.1-json-patch` document. Raises `InvalidPatch`."""
    operations = []
    for number, item in enumerate(_items(document)):
        verb = _verb(item.get("op"), number)
        name, part = _path(item.get("path"), verb, number)
        operations.append(Operation(verb, name, _value(item, verb, number), item=part))
    return tuple(operations)


def read_v20(document: object) -> tuple[Operation, ...]:
    """The operations of an `openstack-images-v2.0-json-patch` document. Raises `InvalidPatch`."""
    operations = []
    for number, item in enumerate(_items(document)):
        verbs = [verb for verb in VERBS if verb in item]
        if len(verbs) != 1:
            raise InvalidPatch(f"Operation {number} must have exactly one of the keys add, replace, remove.")
        verb = verbs[0]
        name, part = _path(item[verb], verb, number)
        operations.append(Operation(verb, name, _value(item, verb, number), strict_add=True, item=part))
    return tuple(operations)


Effect = Literal["create", "update", "delete"]
Permit = Callable[[Effect, str], None]


def _permit_all(effect: Effect, name: str) -> None:
    pass


def apply(
    image: Image,
    operations: tuple[Operation, ...],
    formats: Formats,
    *,
    permit: Permit = _permit_all,
    admit: Admit | None = None,
) -> Image:
    """The image after all `operations`, in order. `admit` adds locations; None: callers may not handle locations.

    `permit` is asked before a custom property is created, updated or deleted, and raises to refuse that. Raises
    `InvalidValue`, `ReadOnlyField`, `ReservedName`, `FieldNotRemovable`, `FormatsFixed`, `PatchConflict`,
    `LocationsHidden`, and the errors of `patch_locations`.
    """
    for operation in operations:
        if operation.name == "locations":
            image = _apply_to_locations(image, operation, admit)
        else:
            image = _apply_one(image, operation, formats, permit)
    return image


def _apply_to_locations(image: Image, operation: Operation, admit: Admit | None) -> Image:
    if admit is None:
        raise LocationsHidden("Locations cannot be changed here: show_multiple_locations is off.")
    match operation.verb:
        case "add":
            return patch_locations.add(image, operation.item, operation.value, admit)
        case "replace":
            return patch_locations.replace_all(image, operation.value, admit)
        case "remove":
            return patch_locations.remove(image, operation.item)


def _apply_one(image: Image, operation: Operation, formats: Formats, permit: Permit) -> Image:
    name = operation.name
    if name == "id":
        raise ReadOnlyField("'id' is read-only: only the service sets it.")
    if name in BASE_FIELDS:
        return _apply_to_field(image, operation, formats)
    require_settable(name)
    return _apply_to_property(image, operation, formats, permit)


def _apply_to_field(image: Image, operation: Operation, formats: Formats) -> Image:
    name = operation.name
    if operation.verb == "remove":
        raise FieldNotRemovable(f"'{name}' cannot be removed; replace its value instead.")
    if name in _FORMAT_FIELDS and image.status not in {Status.QUEUED, Status.IMPORTING}:
        raise FormatsFixed(f"'{name}' can be changed only while an image is queued or importing, not {image.status}.")
    value = base_field(name, operation.value, formats)
    if operation.verb == "add" and operation.strict_add and getattr(image, name) not in {None, ()}:
        raise PatchConflict(f"'{name}' has a value already; use replace to change it.")
    return replace(image, **{name: value})


def _apply_to_property(image: Image, operation: Operation, formats: Formats, permit: Permit) -> Image:
    name = operation.name
    present = name in image.properties
    if operation.verb != "add" and not present:
        raise PatchConflict(f"The image has no property '{name}' to {operation.verb}.")
    if operation.verb == "remove":
        permit("delete", name)
        return replace(image, properties={key: val for key, val in image.properties.items() if key != name})
    if operation.strict_add and operation.verb == "add" and present:
        raise PatchConflict(f"The property '{name}' exists already; use replace to change it.")
    value = custom_property(property_name(name), operation.value, formats.custom)
    permit("update" if present else "create", name)
    return replace(image, properties={**image.properties, name: value})


def _items(document: object) -> list[dict[str, Any]]:
    if not isinstance(document, list):
        raise InvalidPatch("The body must be a JSON array of operations.")
    for number, item in enumerate(document):
        if not isinstance(item, dict):
            raise InvalidPatch(f"Operation {number} must be a JSON object.")
    return document


def _verb(verb: object, number: int) -> Verb:
    for known in VERBS:
        if verb == known:
            return known
    raise InvalidPatch(f"Operation {number}: 'op' must be one of add, replace, remove.")


def _value(item: dict[str, Any], verb: Verb, number: int) -> Any:
    if verb == "remove":
        return None
    if "value" not in item:
        raise InvalidPatch(f"Operation {number} ({verb}) needs a 'value'.")
    return item["value"]


def _path(path: object, verb: Verb, number: int) -> tuple[str, str | None]:
    if not isinstance(path, str) or not path.startswith("/"):
        raise InvalidPatch(f"Operation {number}: the path must be a string that starts with '/'.")
    segments = path[1:].split("/")
    if len(segments) > 1 and "" in segments:
        raise InvalidPatch(f"Operation {number}: the path '{path}' has an empty segment.")
    if re.search(r"~(?![01])", path):
        raise InvalidPatch(f"Operation {number}: in a path '~' is written ~0 and '/' inside a name ~1.")
    names = [segment.replace("~1", "/").replace("~0", "~") for segment in segments]
    whole = len(names) == 1
    if names[0] == "locations":
        if len(names) > 2 or whole != (verb == "replace"):  # noqa: PLR2004 - the list, or one of it
            raise InvalidPatch(
                f"Operation {number}: locations are replaced as a whole ('/locations'), "
                "and added and removed one by one ('/locations/0', '/locations/-')."
            )
    elif not whole:
        raise InvalidPatch(f"Operation {number}: '{path}' goes deeper than an image's own fields.")
    return names[0], None if whole else names[1]
