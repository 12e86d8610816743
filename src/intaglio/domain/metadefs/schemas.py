"""What the schema of one property may hold, and the form in which it is kept and shown.

Glance, on the same database, can show texts only in `enum` and `default`; so that is what they become.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from intaglio.base.errors import Invalid
from intaglio.domain.metadefs.model import Schema
from intaglio.domain.properties import storable

TYPES = ("array", "boolean", "integer", "number", "object", "string")


class InvalidDefinition(Invalid):
    """A definition's document holds something it may not hold."""

    code = "invalid-definition"


def property_schema(where: str, document: object) -> dict[str, Any]:
    """A checked schema; `where` names the property in errors. Raises `InvalidDefinition`."""
    if not isinstance(document, Mapping):
        raise InvalidDefinition(f"{where} must be an object with a title and a type.")
    for field in ("title", "type"):
        if field not in document:
            raise InvalidDefinition(f"{where} needs a '{field}'.")
    if "required" in document:
        raise InvalidDefinition(f"{where} has 'required', which belongs to an object: it names its properties there.")
    schema = {}
    for field, value in document.items():
        if field not in PROPERTY_FIELDS:
            known = ", ".join(PROPERTY_FIELDS)
            raise InvalidDefinition(f"{where} has the unknown field '{field[:80]}'; these are known: {known}.")
        schema[field] = PROPERTY_FIELDS[field](f"{where}: '{field}'", value)
    return schema


def with_text_default(schema: Schema) -> Schema:
    """The schema with its `default` as a text: of a list or an object, its JSON."""
    default = schema.get("default")
    if default is None or isinstance(default, str):
        return schema
    text = str(default) if isinstance(default, bool | int | float) else msgspec.json.encode(default).decode()
    return {**schema, "default": text}


def _text(where: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidDefinition(f"{where} must be a string.")
    storable(where, value)
    return value


def _type(where: str, value: object) -> str:
    if value not in TYPES:
        raise InvalidDefinition(f"{where} must be one of {', '.join(TYPES)}.")
    return str(value)


def _flag(where: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidDefinition(f"{where} must be true or false.")
    return value


def _number(where: str, value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidDefinition(f"{where} must be a number.")
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _count(where: str, value: object) -> int:
    number = _number(where, value)
    if not isinstance(number, int) or number < 0:
        raise InvalidDefinition(f"{where} must be a whole number, zero or more.")
    return number


def _texts(where: str, value: object) -> list[str]:
    if not isinstance(value, list):
        raise InvalidDefinition(f"{where} must be a list of strings.")
    return [_text(where, item) for item in value]


def _enum(where: str, value: object) -> list[str | None]:
    if not isinstance(value, list):
        raise InvalidDefinition(f"{where} must be a list of the values that are allowed.")
    return [_choice(where, item) for item in value]


def _choice(where: str, item: object) -> str | None:
    if item is None or isinstance(item, str):
        return item if item is None else _text(where, item)
    if isinstance(item, bool | int | float):
        return str(item)
    raise InvalidDefinition(f"{where} may hold strings and numbers, no lists or objects.")


def _pattern(where: str, value: object) -> str:
    pattern = _text(where, value)
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise InvalidDefinition(f"{where} is no regular expression: {error}.") from None
    return pattern


def _item(where: str, value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping) or "type" not in value or set(value) - {"type", "enum"}:
        raise InvalidDefinition(f"{where} must be an object with a 'type' and, at will, an 'enum'.")
    item: dict[str, Any] = {"type": _type(f"{where}.type", value["type"])}
    if "enum" in value:
        item["enum"] = _enum(f"{where}.enum", value["enum"])
    return item


def _anything(where: str, value: object) -> object:
    storable(where, msgspec.json.encode(value).decode())
    return value


PROPERTY_FIELDS: Mapping[str, Callable[[str, object], Any]] = {
    "name": _text,
    "type": _type,
    "title": _text,
    "description": _text,
    "operators": _texts,
    "default": _anything,
    "readonly": _flag,
    "confidential": _flag,
    "enum": _enum,
    "pattern": _pattern,
    "minimum": _number,
    "maximum": _number,
    "minLength": _count,
    "maxLength": _count,
    "items": _item,
    "minItems": _count,
    "maxItems": _count,
    "uniqueItems": _flag,
    "additionalItems": _flag,
}
"""Every field of a property's schema, each with the check that turns a JSON value into the one that is kept."""
