"""The operator's `schema-image.json`: custom properties of images that have a type, as Glance reads them.

The file is a flat map from a property's name to its JSON schema, or an object with that map under `properties` and a
list of names under `required`.
"""

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from intaglio.bootstrap.problems import Level, Problem
from intaglio.bootstrap.reading import Reading
from intaglio.domain.properties import BASE_FIELDS, READ_ONLY, CustomProperties
from intaglio.services.settings import CustomSchema

FILE_NAME = "schema-image.json"
_OWN = frozenset({*BASE_FIELDS, *READ_ONLY, "id", "locations"})
_KEPT = frozenset({"null", "string", "integer", "number", "boolean"})


def custom_schema(reading: Reading, file: Path | None) -> CustomSchema:
    """What the file says, or nothing without one. What is wrong becomes a problem, and leaves it out."""
    if file is None:
        return CustomSchema()
    try:
        schema = _read(file)
        for name, described in schema.properties.items():
            _require_sound(name, described)
    except ValueError as error:
        reading.problems.append(
            Problem(level=Level.ERROR, code="image-schema-invalid", message=str(error), file=str(file))
        )
        return CustomSchema()
    return schema


def _read(file: Path) -> CustomSchema:
    try:
        document = msgspec.json.decode(file.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise ValueError(f"It cannot be read: {error}.") from None
    nested = isinstance(document, dict) and isinstance(document.get("properties"), dict) and "type" not in document
    try:
        return msgspec.convert(document if nested else {"properties": document}, CustomSchema)
    except msgspec.ValidationError as error:
        raise ValueError(f"It is no map from property names to JSON schemas: {error}.") from None


def _require_sound(name: str, schema: Mapping[str, Any]) -> None:
    if name in _OWN:
        raise ValueError(f"{name!r} is a field of every image and cannot be described anew.")
    types = schema.get("type", "string")
    wrong = set([types] if isinstance(types, str) else types) - _KEPT
    if wrong:
        raise ValueError(f"The property {name!r} cannot be of type {', '.join(sorted(map(str, wrong)))}.")
    jsonschema = importlib.import_module("jsonschema")
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise ValueError(f"The schema of the property {name!r} is not one: {error.message}.") from None


def custom_properties(schema: CustomSchema) -> CustomProperties:
    """The checks that `schema` asks for. jsonschema, slow to import, is loaded only when there are any."""
    if not schema.properties:
        return CustomProperties(required=schema.required)
    validator = importlib.import_module("jsonschema").Draft202012Validator
    made = {name: validator(described) for name, described in schema.properties.items()}
    return CustomProperties(schema.properties, schema.required, _complaint(made))


def _complaint(validators: Mapping[str, Any]) -> Callable[[str, object], str | None]:
    def complaint(name: str, value: object) -> str | None:
        error = next(validators[name].iter_errors(value), None)
        if error is None:
            return None
        asked = msgspec.json.encode(error.validator_value).decode()
        return f"is not as the operator's schema wants it: {error.validator} {asked[:300]}"

    return complaint
