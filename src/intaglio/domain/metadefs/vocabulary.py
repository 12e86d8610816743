"""Whether an image's properties are filled as the catalogue says.

Custom properties are texts; what the catalogue calls an integer or a boolean is a text that reads as one, as Nova reads
it. Where several namespaces define a property, a value that one of them allows is right. What no namespace defines is
free; only a name that nearly is a defined one is worth a hint.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from intaglio.domain.metadefs.model import Schema

# what Nova and Cinder read as true and false (oslo.utils' strutils), whatever the case
TRUE = ("true", "1", "t", "yes", "y", "on")
FALSE = ("false", "0", "f", "no", "n", "off")
NEARNESS = 0.85  # of two names, by difflib's ratio, from which one is taken for a misspelling of the other
PATTERN_LIMIT = 512  # characters of a value that a pattern is tried on: a regular expression may be slow on long ones
_SHOWN = 12  # choices in a message


class Severity(StrEnum):
    """How sure it is that a person made a mistake."""

    ERROR = "error"  # the catalogue does not allow it
    WARNING = "warning"  # allowed, and probably not meant so


class Term(msgspec.Struct, frozen=True):
    """A property as one namespace defines it for images, its prefix included."""

    namespace: str
    name: str
    schema: Schema


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something to say about one property of an image."""

    severity: Severity
    code: str
    name: str  # of the property
    value: str
    allowed: str
    namespace: str | None = None

    @property
    def message(self) -> str:
        """The finding as one sentence."""
        shown = self.value if len(self.value) <= 60 else self.value[:57] + "…"  # noqa: PLR2004 - fits a line
        return f"{self.name} = '{shown}': {self.allowed}."


def check(terms: Iterable[Term], properties: Mapping[str, str]) -> tuple[Finding, ...]:
    """What is wrong in `properties` by `terms`, one finding a property, in the order of the properties."""
    by_name: dict[str, list[Term]] = {}
    for term in terms:
        by_name.setdefault(term.name, []).append(term)
    found = (_check_one(by_name[name], name, value) for name, value in properties.items() if name in by_name)
    return tuple(finding for finding in found if finding is not None)


def misspelt(known: Iterable[str], properties: Mapping[str, str]) -> tuple[Finding, ...]:
    """A warning for each property that nobody defines, and whose name is nearly one that somebody does."""
    names = sorted(set(known))
    findings = []
    for name, value in properties.items():
        if name in names:
            continue
        near = difflib.get_close_matches(name, names, n=1, cutoff=NEARNESS)
        if near:
            said = f"no namespace defines this property; did you mean '{near[0]}'"
            findings.append(
                Finding(severity=Severity.WARNING, code="misspelt-name", name=name, value=value, allowed=said)
            )
    return tuple(findings)


def _check_one(terms: Sequence[Term], name: str, value: str) -> Finding | None:
    refusals = []
    for term in terms:
        refused = refusal(term.schema, value)
        if refused is None:
            return None
        refusals.append((term.namespace, refused))
    namespaces, sentences = zip(*refusals, strict=True)
    allowed = "; or ".join(dict.fromkeys(sentences))
    return Finding(
        severity=Severity.ERROR,
        code="value-not-allowed",
        name=name,
        value=value,
        allowed=allowed,
        namespace=", ".join(namespaces),
    )


def refusal(schema: Schema, value: str) -> str | None:
    """What a value must be, when this one is not; None when it is right.

    A schema that another service recorded and that makes no sense refuses nothing.
    """
    kind = schema.get("type")
    if kind == "array":
        return _refuse_array(schema, value)
    reader = _READERS.get(str(kind))
    if reader is None:
        return None
    return reader(schema, value) or _refuse_choice(schema, value)


def _refuse_choice(schema: Schema, value: str) -> str | None:
    choices = schema.get("enum")
    if not isinstance(choices, list) or not choices:
        return None
    allowed = [str(choice) for choice in choices if choice is not None]
    if value in allowed or (schema.get("type") == "boolean" and value.lower() in {one.lower() for one in allowed}):
        return None
    near = difflib.get_close_matches(value, allowed, n=1, cutoff=0.6)
    shown = ", ".join(allowed[:_SHOWN]) + (", …" if len(allowed) > _SHOWN else "")
    return f"must be one of {shown}" + (f" (did you mean '{near[0]}'?)" if near else "")


def _refuse_text(schema: Schema, value: str) -> str | None:
    least, most = _whole(schema, "minLength"), _whole(schema, "maxLength")
    if least is not None and len(value) < least:
        return f"must have at least {least} characters"
    if most is not None and len(value) > most:
        return f"must have at most {most} characters"
    pattern = schema.get("pattern")
    if isinstance(pattern, str) and not _matches(pattern, value):
        return f"must match {pattern}"
    return None


def _matches(pattern: str, value: str) -> bool:
    if len(value) > PATTERN_LIMIT:
        return True
    try:
        return re.search(pattern, value) is not None
    except (re.error, RecursionError, OverflowError):
        return True


def _refuse_integer(schema: Schema, value: str) -> str | None:
    if not re.fullmatch(r"[+-]?[0-9]{1,30}", value.strip()):
        return "must be a whole number" + _bounds(schema)
    return _refuse_range(schema, int(value), "a whole number")


def _refuse_number(schema: Schema, value: str) -> str | None:
    if not re.fullmatch(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", value.strip()):
        return "must be a number" + _bounds(schema)
    return _refuse_range(schema, float(value), "a number")


def _refuse_range(schema: Schema, number: float, what: str) -> str | None:
    least, most = _number(schema, "minimum"), _number(schema, "maximum")
    if (least is not None and number < least) or (most is not None and number > most):
        return f"must be {what}{_bounds(schema)}"
    return None


def _bounds(schema: Schema) -> str:
    least, most = _number(schema, "minimum"), _number(schema, "maximum")
    if least is not None and most is not None:
        return f" from {least} to {most}"
    if least is not None:
        return f" of at least {least}"
    return "" if most is None else f" of at most {most}"


def _refuse_boolean(_: Schema, value: str) -> str | None:
    return None if value.strip().lower() in {*TRUE, *FALSE} else "must be true or false"


def _refuse_object(_: Schema, value: str) -> str | None:
    try:
        document = msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        document = None
    return None if isinstance(document, dict) else "must be a JSON object"


def _refuse_null(_: Schema, value: str) -> str | None:
    return None if value in {"", "null"} else "must be empty"


_READERS: Mapping[str, Callable[[Schema, str], str | None]] = {
    "string": _refuse_text,
    "integer": _refuse_integer,
    "number": _refuse_number,
    "boolean": _refuse_boolean,
    "object": _refuse_object,
    "null": _refuse_null,
}


def _refuse_array(schema: Schema, value: str) -> str | None:
    items = _split(schema, value)
    least, most = _whole(schema, "minItems"), _whole(schema, "maxItems")
    if least is not None and len(items) < least:
        return f"must list at least {least} items"
    if most is not None and len(items) > most:
        return f"must list at most {most} items"
    if schema.get("uniqueItems") is True and len(set(items)) < len(items):
        return "must not list anything twice"
    item_schema = schema.get("items")
    if not isinstance(item_schema, Mapping):
        return None
    refused = next((said for item in items if (said := refusal(item_schema, item))), None)
    return None if refused is None else f"each item {refused}"


def _split(schema: Schema, value: str) -> list[str]:
    """The items of a list as dashboards write it: `a,b`, with an operator before it (`<in> a,b`), or before each."""
    operators = schema.get("operators")
    for operator in operators if isinstance(operators, list) else ():
        if isinstance(operator, str) and operator and value.lstrip().startswith(operator):
            value = ",".join(part.strip() for part in value.split(operator) if part.strip())
            break
    return [item.strip() for item in value.split(",") if item.strip()]


def _number(schema: Schema, field: str) -> Any:
    value = schema.get(field)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(schema: Schema, field: str) -> int | None:
    value = _number(schema, field)
    return value if isinstance(value, int) else None
