"""Which names an image's fields and custom properties have, what they may hold, and who may set them.

Source: Images API v2 ("Create image", "Update image"). Validation here is of single values; `patch` and `creation`
decide what is set when.
"""

import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from intaglio.base.errors import Forbidden, Invalid, TooLarge
from intaglio.domain.image import Visibility

NAME_LIMIT = 255  # characters, of names, owners, tags and property names
NUMBER_LIMIT = 2**31 - 1

_NOT_STORABLE = re.compile("[\x00\ud800-\udfff\U00010000-\U0010ffff]")
SERVICE_PREFIX = "os_glance"  # properties the service keeps for itself
READ_ONLY = frozenset(
    {
        "status",
        "checksum",
        "os_hash_algo",
        "os_hash_value",
        "size",
        "virtual_size",
        "created_at",
        "updated_at",
        "direct_url",
        "self",
        "file",
        "schema",
        "stores",
    }
)
RESERVED = frozenset({"deleted", "deleted_at", "location"})


class InvalidValue(Invalid):
    """A field or property holds something it may not hold."""

    code = "invalid-value"


class ReadOnlyField(Forbidden):
    """Only the service sets this field."""

    code = "read-only-field"


class ReservedName(Forbidden):
    """The name belongs to the service and cannot be a property."""

    code = "reserved-name"


class TooManyProperties(TooLarge):
    """More custom properties than one image may have."""

    code = "too-many-properties"


class TooManyLocations(TooLarge):
    """The image would have more locations than one image may have."""

    code = "too-many-locations"


class TooManyTags(TooLarge):
    """More tags than one image may have."""

    code = "too-many-tags"


class CustomProperties(msgspec.Struct, frozen=True):
    """The custom properties to which the operator gave a JSON schema each, and the fields that creation needs."""

    schemas: Mapping[str, Mapping[str, Any]] = {}
    required: tuple[str, ...] = ()
    complaint: Callable[[str, object], str | None] = lambda _name, _value: None
    """What is wrong with a value of one of them, as the end of a sentence; None when it is right."""


class Formats(msgspec.Struct, frozen=True):
    """What this service accepts in fields: the names of formats, and values of properties with a schema."""

    disk: tuple[str, ...]
    container: tuple[str, ...]
    custom: CustomProperties = CustomProperties()


def require_settable(name: str) -> None:
    """Raise unless a caller may set `name` at all: `ReadOnlyField` or `ReservedName`."""
    if name in READ_ONLY:
        raise ReadOnlyField(f"'{name}' is read-only: only the service sets it.")
    if name in RESERVED or name.startswith(SERVICE_PREFIX):
        raise ReservedName(f"'{name}' is reserved for the service; choose another name for the property.")


def image_id(value: object) -> str:
    """A canonical image id: a UUID in lower case. Raises `InvalidValue`."""
    if isinstance(value, str) and re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", value):
        return value.lower()
    raise InvalidValue(f"'id' must be a UUID such as {uuid.UUID(int=0)}, not {_shown(value)}.")


def text(name: str, value: object, *, limit: int = NAME_LIMIT) -> str:
    """A string of at most `limit` characters that every supported database can hold. Raises `InvalidValue`."""
    if not isinstance(value, str):
        raise InvalidValue(f"'{name}' must be a string, not {_shown(value)}.")
    if len(value) > limit:
        raise InvalidValue(f"'{name}' has {len(value)} characters; at most {limit} are allowed.")
    storable(name, value)
    return value


def storable(name: str, value: str) -> None:
    """Raise `InvalidValue` for what a database with 3-byte UTF-8 cannot hold, and for lone surrogates and NUL."""
    refused = _NOT_STORABLE.search(value)
    if refused:
        raise InvalidValue(
            f"'{name}' contains the character U+{ord(refused[0]):04X}; only U+0001 to U+FFFF are supported."
        )


def property_name(name: str) -> str:
    """A custom property's name. Raises `InvalidValue`."""
    if len(name) > NAME_LIMIT:
        raise InvalidValue(f"The property name '{name[:40]}…' has {len(name)} characters; at most {NAME_LIMIT} fit.")
    storable("property name", name)
    return name


def property_value(name: str, value: object) -> str:
    """A custom property's value: a string of up to 65535 bytes in UTF-8. Raises `InvalidValue`."""
    if not isinstance(value, str):
        raise InvalidValue(f"The property '{name}' must be a string, not {_shown(value)}.")
    storable(name, value)
    if len(value.encode()) > 65535:  # noqa: PLR2004 - TEXT on MariaDB
        raise InvalidValue(f"The property '{name}' is longer than 65535 bytes.")
    return value


def custom_property(name: str, value: object, custom: CustomProperties) -> str | None:
    """What is recorded for a custom property: a text, or null where its schema allows that. Raises `InvalidValue`.

    A number or a truth value that a schema asks for is recorded as JSON writes it.
    """
    if name not in custom.schemas:
        return property_value(name, value)
    complaint = custom.complaint(name, value)
    if complaint is not None:
        raise InvalidValue(f"The property '{name}' {complaint}.")
    if value is None:
        return None
    if isinstance(value, bool | int | float):
        return msgspec.json.encode(value).decode()
    return property_value(name, value)


def require_present(names: Iterable[str], required: tuple[str, ...]) -> None:
    """Raise `InvalidValue` unless all `required` fields are among `names`."""
    missing = [name for name in required if name not in set(names)]
    if missing:
        raise InvalidValue(f"An image needs {', '.join(missing)} here: the operator's schema requires it.")


def _nullable_text(name: str, value: object, _: Formats) -> str | None:
    return None if value is None else text(name, value)


def _flag(name: str, value: object, _: Formats) -> bool:
    if isinstance(value, bool):
        return value
    raise InvalidValue(f"'{name}' must be true or false, not {_shown(value)}.")


def _number(name: str, value: object, _: Formats) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= NUMBER_LIMIT:
        return value
    raise InvalidValue(f"'{name}' must be a whole number from 0 to {NUMBER_LIMIT}, not {_shown(value)}.")


def _visibility(name: str, value: object, _: Formats) -> Visibility:
    if isinstance(value, str) and value in set(Visibility):
        return Visibility(value)
    raise InvalidValue(f"'{name}' must be one of {', '.join(Visibility)}, not {_shown(value)}.")


def _disk_format(name: str, value: object, formats: Formats) -> str | None:
    return _one_of(name, value, formats.disk)


def _container_format(name: str, value: object, formats: Formats) -> str | None:
    return _one_of(name, value, formats.container)


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> str | None:
    if value is None or (isinstance(value, str) and value in allowed):
        return value
    raise InvalidValue(f"'{name}' must be one of {', '.join(allowed)}, or null, not {_shown(value)}.")


def _tags(name: str, value: object, _: Formats) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise InvalidValue(f"'{name}' must be a list of strings, not {_shown(value)}.")
    return tuple(sorted({text("tag", tag) for tag in value}))


BASE_FIELDS: Mapping[str, Callable[[str, object, Formats], Any]] = {
    "name": _nullable_text,
    "visibility": _visibility,
    "protected": _flag,
    "os_hidden": _flag,
    "owner": _nullable_text,
    "min_ram": _number,
    "min_disk": _number,
    "container_format": _container_format,
    "disk_format": _disk_format,
    "tags": _tags,
}
"""The fields a caller sets, each with the check that turns a JSON value into the stored one."""


def base_field(name: str, value: object, formats: Formats) -> Any:
    """The checked value of one of `BASE_FIELDS`. Raises `InvalidValue` naming what is allowed."""
    return BASE_FIELDS[name](name, value, formats)


def require_counts(
    properties: Mapping[str, str | None], tags: tuple[str, ...], *, property_limit: int, tag_limit: int
) -> None:
    """Raise `TooManyProperties` or `TooManyTags` above a limit; -1 is no limit; the service's own do not count."""
    own = sum(1 for name in properties if not name.startswith(SERVICE_PREFIX))
    if 0 <= property_limit < own:
        raise TooManyProperties(f"{own} custom properties are more than the {property_limit} an image may have.")
    if 0 <= tag_limit < len(tags):
        raise TooManyTags(f"{len(tags)} tags are more than the {tag_limit} an image may have.")


def require_location_count(before: int, after: int, limit: int) -> None:
    """Raise `TooManyLocations` when locations were added and there are more than `limit`; -1 is no limit."""
    if 0 <= limit < after and after > before:
        raise TooManyLocations(f"{after} locations are more than the {limit} an image may have.")


def _shown(value: object) -> str:
    rendered = msgspec.json.encode(value).decode() if _is_json(value) else type(value).__name__
    return rendered if len(rendered) <= 60 else rendered[:57] + "…"  # noqa: PLR2004 - fits a line


def _is_json(value: object) -> bool:
    return value is None or isinstance(value, str | int | float | bool | list | dict)
