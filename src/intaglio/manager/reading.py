"""YAML with places: values that know their line and column, so that each problem can be shown where it is."""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal

import yaml

from intaglio.domain.digests import DigestInvalid, parse
from intaglio.manager.definitions import Place, Problem
from intaglio.manager.fields import FIELDS_OF_AN_IMAGE, META, META_FREE, Field
from intaglio.manager.naming import LONGEST, OURS

_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_URL = re.compile(r"(https?|ftps?)://[^/\s]+(/\S*)?")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_FINGERPRINT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NULL, _BOOL = "tag:yaml.org,2002:null", "tag:yaml.org,2002:bool"
_SUSPICIOUS = 0.84  # how alike two names of properties are before one is taken for a misspelt other


class Reader:
    """Reads the nodes of one file and gathers what is wrong with them."""

    def __init__(self, file: str) -> None:
        self._file = file
        self.problems: list[Problem] = []
        self.definition = ""

    def place(self, node: yaml.Node) -> Place:
        """Where a node begins."""
        return Place(self._file, node.start_mark.line + 1, node.start_mark.column + 1)

    def say(
        self, node: yaml.Node, message: str, severity: Literal["error", "warning"] = "error", rule: str = ""
    ) -> None:
        """Record a problem at a node."""
        self.problems.append(
            Problem(place=self.place(node), severity=severity, message=message, rule=rule, definition=self.definition)
        )

    def pairs(self, node: yaml.Node, what: str) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        """The keys and values of a mapping, merged ones (`<<`) too; a key that occurs twice is a problem."""
        if not isinstance(node, yaml.MappingNode):
            self.say(node, f"{what} is a mapping of names to values, not {_kind(node)}")
            return
        seen: dict[str, int] = {}
        for key, _ in node.value:
            if key.value in seen and key.value != "<<" and isinstance(key.value, str):
                self.say(key, f"'{key.value}' stands twice in this mapping; line {seen[key.value]} has it, too")
            elif isinstance(key.value, str):
                seen[key.value] = key.start_mark.line + 1
        try:
            yaml.constructor.SafeConstructor().flatten_mapping(node)
        except yaml.YAMLError:
            self.say(node, "what '<<' merges is not a mapping")
        yield from ((key.value, key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode))

    def record(
        self, node: yaml.Node, fields: Sequence[Field], what: str
    ) -> tuple[dict[str, Any], dict[str, yaml.Node]]:
        """The values of the known keys, and where they stand. Keys that are wrong or missing are problems."""
        known = {field.name: field for field in fields}
        values: dict[str, Any] = {}
        nodes: dict[str, yaml.Node] = {}
        for name, key, value in self.pairs(node, what):
            nodes[name] = value
            if name not in known:
                self.say(key, _unknown(name, list(known), what))
            elif not _is_null(value):
                found = self.value(value, known[name].takes, f"'{name}'")
                if found is not None:
                    values[name] = found
        for field in fields:
            if field.required and (field.name not in nodes or _is_null(nodes[field.name])):
                self.say(node, f"{what} needs '{field.name}': {field.meaning}")
        return values, nodes

    def value(self, node: yaml.Node, takes: str | tuple[str, ...], what: str) -> Any:  # noqa: PLR0911 - one a kind
        """A value of the kind that a field takes; None, and a problem, when it is not."""
        if takes == "list":
            return self.items(node, what)
        if takes == "texts":
            return self._texts(node, what)
        if takes == "meta":
            return self.meta(node)
        if takes == "fingerprints":
            return self._fingerprints(node, what)
        if takes in {"retention", "signature", "stream"}:
            return node  # mappings in a definition; their readers know their fields
        if not isinstance(node, yaml.ScalarNode):
            self.say(node, f"{what} is one value, not {_kind(node)}")
            return None
        text = str(node.value)
        if isinstance(takes, tuple):
            if text in takes:
                return text
            self.say(node, f"{what} is one of {', '.join(takes)}, not '{text}'" + _meant(text, takes))
            return None
        return self._scalar(node, text, takes, what)

    def _scalar(self, node: yaml.Node, text: str, takes: str, what: str) -> Any:
        check, right = _SCALARS[takes]
        try:
            return check(text)
        except DigestInvalid as error:
            self.say(node, f"{what}: {error}")
        except ValueError:
            self.say(node, f"{what} is {right}, not '{text}'")
        return None

    def items(self, node: yaml.Node, what: str) -> list[yaml.Node] | None:
        """The items of a list."""
        if isinstance(node, yaml.SequenceNode):
            return list(node.value)
        self.say(node, f"{what} is a list (lines that begin with '- '), not {_kind(node)}")
        return None

    def _texts(self, node: yaml.Node, what: str) -> tuple[str, ...] | None:
        found = []
        for item in self.items(node, what) or []:
            if not isinstance(item, yaml.ScalarNode) or not item.value or len(item.value) > LONGEST:
                self.say(item, f"an item of {what} is a text of 1 to {LONGEST} characters")
            else:
                found.append(str(item.value))
        return tuple(found)

    def _fingerprints(self, node: yaml.Node, what: str) -> tuple[str, ...]:
        found = []
        for item in self.items(node, what) or []:
            plain = re.sub(r"[ :]", "", str(item.value)).lower().removeprefix("0x")
            if _FINGERPRINT.fullmatch(plain):
                found.append(plain)
            else:
                self.say(item, f"an item of {what} is a fingerprint: 40 or 64 hexadecimal digits, not a key id")
        return tuple(found)

    def meta(self, node: yaml.Node) -> dict[str, str | None]:
        """Properties. Their values are sent as they are written, so that `24.04` and `1.10` need no quotes."""
        found: dict[str, str | None] = {}
        for name, key, value in self.pairs(node, "'meta'"):
            if not isinstance(value, yaml.ScalarNode):
                self.say(value, f"a property has one value, and '{name}' {_kind(value)}")
            elif name in FIELDS_OF_AN_IMAGE:
                self.say(key, f"'{name}' is a field of an image and cannot be a property")
            elif name in OURS or name.startswith("os_glance"):
                self.say(key, f"'{name}' is written by the manager or the service itself; leave it out")
            elif not name or len(name) > LONGEST:
                self.say(key, f"the name of a property has 1 to {LONGEST} characters")
            else:
                found[name] = None if _is_null(value) else _property(value)
                self._doubt(name, key, value, found[name])
        return found

    def _doubt(self, name: str, key: yaml.Node, node: yaml.Node, value: str | None) -> None:
        """Warn of what is allowed and probably wrong."""
        if value is None:
            return
        if name in META and value not in META[name]:
            self.say(node, f"'{name}' is usually one of {', '.join(META[name])}, not '{value}'", "warning")
        elif name == "uuid_validity" and not is_validity(value):
            self.say(
                node,
                f"'{name}' is none, notice, forever, last-N or a date, not '{value}'; every image is kept",
                "warning",
                "scs-0102",
            )
        elif name == "provided_until" and value not in {"none", "notice"} and not is_date(value):
            self.say(node, f"'{name}' is none, notice or a date, not '{value}'", "warning", "scs-0102")
        elif name not in META and name not in META_FREE:
            like = difflib.get_close_matches(name, [*META, *META_FREE], 1, _SUSPICIOUS)
            if like:
                self.say(key, f"'{name}' is not known; did you mean '{like[0]}'?", "warning")


def is_date(text: str) -> bool:
    """Whether a text is a date of the calendar, with or without a time."""
    try:
        _date(text)
    except ValueError:
        return False
    return True


def is_validity(text: str) -> bool:
    """Whether a text is a value of `uuid_validity` by SCS-0102."""
    return text in {"none", "notice", "forever"} or bool(re.fullmatch(r"last-[1-9]\d{0,5}", text)) or is_date(text)


def _property(node: yaml.ScalarNode) -> str:
    if node.tag == _BOOL and node.value.lower() in _FLAGS:
        return str(_FLAGS[node.value.lower()])  # True and False, as the original program sends them
    return str(node.value)


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == _NULL


def _kind(node: yaml.Node) -> str:
    return {"sequence": "a list", "mapping": "a mapping"}.get(node.id, "a single value")


def _meant(word: str, among: Sequence[str]) -> str:
    like = difflib.get_close_matches(word, among, 1)
    return f"; did you mean '{like[0]}'?" if like else ""


def _unknown(name: str, known: Sequence[str], what: str) -> str:
    if name in META or name in META_FREE:
        return f"'{name}' is a property: it belongs into 'meta' of {what}"
    return f"{what} has no key '{name}'" + (_meant(name, known) or f"; it can have {', '.join(known)}")


def _text(text: str) -> str:
    if "\n" in text or len(text) > 2000:  # noqa: PLR2004 - longer than any name or address
        raise ValueError
    return text


def _flag(text: str) -> bool:
    if text.lower() not in _FLAGS:
        raise ValueError
    return _FLAGS[text.lower()]


def _whole(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise ValueError
    return int(text)


def _positive(text: str) -> int:
    if _whole(text) < 1:
        raise ValueError
    return int(text)


def _kept(text: str) -> int | str:
    return text if text == "all" else _positive(text)


def _date(text: str) -> str:
    date.fromisoformat(text[:10])
    if len(text) > 10:  # noqa: PLR2004 - the characters of a date
        datetime.fromisoformat(text)
    return text


def _url(text: str) -> str:
    if not _URL.fullmatch(text):
        raise ValueError
    return text


def _place(text: str) -> str:
    if not (_URL.fullmatch(text) or re.fullmatch(r"file:\S.*", text)):
        raise ValueError
    return text


def _uuid(text: str) -> str:
    if not _UUID.fullmatch(text):
        raise ValueError
    return text


_SCALARS: Mapping[str, tuple[Callable[[str], Any], str]] = {
    "text": (_text, "a text in one line"),
    "flag": (_flag, "true or false"),
    "whole": (_whole, "a whole number from 0 on"),
    "positive": (_positive, "a whole number from 1 on"),
    "kept": (_kept, "a whole number from 1 on, or all"),
    "date": (_date, "a date such as 2026-01-31"),
    "url": (_url, "an address that begins with http://, https://, ftp:// or ftps://"),
    "place": (_place, "an address that begins with http://, https://, ftp://, ftps:// or file:"),
    "uuid": (_uuid, "a UUID in lower case"),
    "checksum": (parse, "a checksum"),
}
