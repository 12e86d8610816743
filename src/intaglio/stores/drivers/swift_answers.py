"""What Swift answers: the errors by their statuses, and the listings that are read."""

from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus

import msgspec

from intaglio.stores.base import Broken, Busy, Denied, Full, StoreError
from intaglio.stores.drivers.web import Reply

_FULL = {HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.INSUFFICIENT_STORAGE}
_DENIED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.METHOD_NOT_ALLOWED}
_BUSY = {408, 409, 429, 498, 499, 500, 502, 503, 504}


class Answer(Reply, frozen=True):
    """One answer of Swift, read whole."""

    def error(self, store: str, doing: str) -> StoreError:
        """What it means. The text has neither names of objects nor what Swift itself says."""
        kind: type[StoreError] = Broken
        if self.status in _FULL:
            kind = Full
        elif self.status in _DENIED:
            kind = Denied
        elif self.status in _BUSY:
            kind = Busy
        return kind(f"store {store!r} could not {doing}: Swift answered {self.status}")


class Entry(msgspec.Struct, frozen=True):
    """One object in a listing. `bytes` of a dynamic large object are 0, those of a static one its whole length."""

    name: str
    bytes: int
    last_modified: str

    @property
    def moment(self) -> datetime:
        """When it was written, by the server's clock."""
        return datetime.fromisoformat(self.last_modified).replace(tzinfo=UTC)


class Container(msgspec.Struct, frozen=True):
    """One container in a listing of an account."""

    name: str


class Malformed(Exception):
    """A document is not what Swift sends."""


def entries(body: bytes) -> list[Entry]:
    """The objects on a page of a listing."""
    try:
        return msgspec.json.decode(body or b"[]", type=list[Entry])
    except msgspec.DecodeError as error:
        raise Malformed(str(error)) from error


def containers(body: bytes) -> Iterator[str]:
    """The names of the containers on a page."""
    try:
        yield from (entry.name for entry in msgspec.json.decode(body or b"[]", type=list[Container]))
    except msgspec.DecodeError as error:
        raise Malformed(str(error)) from error


def said(body: bytes) -> int:
    """The status of a request that works on many objects, which stands in the body; 0 without one."""
    try:
        found = msgspec.json.decode(body or b"{}")
        return int(str(found.get("Response Status", "0")).split()[0])
    except (msgspec.DecodeError, AttributeError, ValueError):
        return 0


def unreadable(store: str, doing: str) -> Broken:
    """The answer is none of Swift's."""
    return Broken(f"store {store!r} could not {doing}: the answer is not Swift's")


def no_container(store: str) -> Broken:
    """The container itself is missing: not the same as an object that is absent."""
    return Broken(f"store {store!r} has no container: make it, or set swift_store_create_container_on_put")
