"""Reads server-sent events (WHATWG HTML, "Server-sent events") line by line."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec


class ServerEvent(msgspec.Struct, frozen=True):
    """One event: what it is about, what it says, and the id of the last event so far that has one."""

    kind: str
    data: dict[str, Any]
    id: str


def events_in(lines: Iterable[str], last_id: str = "") -> Iterator[ServerEvent]:
    """The events in the lines of an answer; those whose data are no JSON object are left out."""
    kind, data = "message", ""
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            kind = value
        elif name == "data":
            data += value
        elif name == "id":
            last_id = value
        elif not line:
            document = _object(data)
            if document is not None:
                yield ServerEvent(kind, document, last_id)
            kind, data = "message", ""


def _object(data: str) -> dict[str, Any] | None:
    try:
        document = msgspec.json.decode(data) if data else None
    except msgspec.DecodeError:
        return None
    return document if isinstance(document, dict) else None
