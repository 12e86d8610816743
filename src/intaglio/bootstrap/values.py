"""Reads the text of a value as its kind. A refusal is a ValueError without text: what is allowed, the option knows."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from intaglio.bootstrap.options.model import Kind, Option

_TRUE = {"true", "yes", "on", "1"}
_FALSE = {"false", "no", "off", "0"}
_SIZE = re.compile(r"(\d+)(B|KB|MB|GB|TB)?")
_UNITS = {None: 0, "B": 0, "KB": 10, "MB": 20, "GB": 30, "TB": 40}
_URL_PARTS = re.compile(r"(?P<scheme>[A-Za-z][\w+.-]*://)(?P<rest>.*)", re.DOTALL)
_HARMLESS = {"charset", "ssl_mode", "sslmode", "timeout", "connect_timeout", "client_encoding"}
MASK = "***"


def parse(option: Option, text: str) -> Any:
    """The typed value of `text`. Raises ValueError when it is not what `option.allowed` says."""
    value = _READERS[option.kind](text.strip())
    items = value if isinstance(value, tuple) else (value,)
    if option.choices and any(item not in option.choices for item in items):
        raise ValueError
    if option.minimum is not None and any(item < option.minimum for item in items):
        raise ValueError
    if option.maximum is not None and any(item > option.maximum for item in items):
        raise ValueError
    return value


def shown(option: Option, value: object) -> str:
    """A value as it may be printed: secrets and passwords in URLs masked, lists as a file has them."""
    if value is None or not str(value):
        return ""
    if option.secret and not (option.kind is Kind.URL and _URL_PARTS.fullmatch(str(value))):
        return MASK
    if isinstance(value, bool):
        return str(value).lower()
    if option.kind is Kind.OCTAL and isinstance(value, int):
        return f"{value:o}"
    if isinstance(value, tuple):
        words = (":".join(item) if isinstance(item, tuple) else str(item) for item in value)
        return ",".join(mask_url(word) for word in words)
    return mask_url(str(value))


def mask_url(text: str) -> str:
    """`text` without what follows the user's name in the URL it may be; other text comes back unchanged.

    A password may hold any character, unescaped by mistake; so all up to the last @ counts as the user's part.
    """
    match = _URL_PARTS.fullmatch(text)
    if match is None:
        return text
    rest, question, query = match["rest"].partition("?")
    if "@" in query:  # the password holds a question mark
        rest, question, query = match["rest"], "", ""
    user_part, at, address = rest.rpartition("@")
    if at:
        user, colon, _password = user_part.partition(":")
        rest = f"{user}:{MASK}@{address}" if colon else f"{MASK}@{address}"
    if question:
        rest += "?" + "&".join(_mask_parameter(parameter) for parameter in query.split("&"))
    return match["scheme"] + rest


def _mask_parameter(text: str) -> str:
    name, equals, _value = text.partition("=")
    if name in _HARMLESS:
        return text
    return f"{name}={MASK}" if equals else MASK


def _integer(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        raise ValueError
    return int(text)


def _number(text: str) -> float:
    value = float(text)
    if value != value or value in {float("inf"), float("-inf")}:  # noqa: PLR0124 - not a number
        raise ValueError
    return value


def _boolean(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError


def _octal(text: str) -> int:
    if not re.fullmatch(r"(0o)?[0-7]{1,5}", text):
        raise ValueError
    return int(text.removeprefix("0o"), 8)


def _size(text: str) -> int:
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError
    return int(match[1]) << _UNITS[match[2]]


def _list(text: str) -> tuple[str, ...]:
    """Glance wants brackets in some lists and forbids them in others; here all may have them."""
    if text.startswith("[") != text.endswith("]"):
        raise ValueError
    inner = text[1:-1] if text.startswith("[") else text
    return tuple(_bare(item) for item in inner.split(",") if item.strip())


def _bare(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _integers(text: str) -> tuple[int, ...]:
    return tuple(_integer(item) for item in _list(text))


def _map(text: str) -> tuple[tuple[str, str], ...]:
    inner = text[1:-1] if text.startswith("{") and text.endswith("}") else text
    pairs = [item.partition(":") for item in inner.split(",") if item.strip()]
    if any(not colon or not _bare(key) or not _bare(value) for key, colon, value in pairs):
        raise ValueError
    return tuple((_bare(key), _bare(value)) for key, _colon, value in pairs)


def _text(text: str) -> str:
    return text


_READERS: Mapping[Kind, Callable[[str], Any]] = {
    Kind.TEXT: _text,
    Kind.URL: _text,
    Kind.INTEGER: _integer,
    Kind.NUMBER: _number,
    Kind.BOOLEAN: _boolean,
    Kind.OCTAL: _octal,
    Kind.SIZE: _size,
    Kind.LIST: _list,
    Kind.INTEGERS: _integers,
    Kind.MAP: _map,
    Kind.MULTI: lambda text: (text,),
}
