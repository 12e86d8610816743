"""What S3 answers: the errors by their codes, and the few documents that are read."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from xml.etree import ElementTree as ET

import msgspec

from intaglio.stores.base import Broken, Busy, Denied, Full, StoreError
from intaglio.stores.drivers.web import Reply

_FULL = {"QuotaExceeded", "InsufficientStorage", "StorageFull", "XMinioStorageFull", "InsufficientCapacity"}
_FULL |= {"EntityTooLarge", "XAmzContentLengthExceeded", "OverQuota", "QuotaExceededException"}
_DENIED = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "AllAccessDisabled", "InvalidSecurity"}
_DENIED |= {"RequestTimeTooSkewed", "InvalidToken", "ExpiredToken", "AuthorizationHeaderMalformed", "MethodNotAllowed"}
_BUSY = {"SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "OperationAborted", "TooManyRequests"}
_HINTS = {
    "InvalidAccessKeyId": "the access key is not known there; see s3_store_access_key",
    "SignatureDoesNotMatch": "the secret key does not fit the access key; see s3_store_secret_key",
    "AuthorizationHeaderMalformed": "the region is another one; see s3_store_region_name",
    "PermanentRedirect": "the bucket is elsewhere; see s3_store_host and s3_store_region_name",
    "RequestTimeTooSkewed": "the clocks of the two machines differ too much",
    "NoSuchBucket": "make it, or set s3_store_create_bucket_on_put",
}

INSUFFICIENT_STORAGE = 507


class Answer(Reply, frozen=True):
    """One answer of S3, read whole."""

    @property
    def fine(self) -> bool:
        """Whether it is a success; S3 can say 200 and put an error into the body."""
        return self.status < HTTPStatus.MULTIPLE_CHOICES and not self.code

    @property
    def code(self) -> str:
        """S3's own word for the error; empty when there is none."""
        if b"<Error" not in self.body[:2000]:
            return ""
        found = re.search(rb"<Code>\s*([A-Za-z0-9.]{1,60})\s*</Code>", self.body[:8000])
        return found[1].decode() if found else ""

    def error(self, store: str, doing: str) -> StoreError:
        """What it means. The text has neither names of objects nor what S3 itself says, which may hold the key."""
        words = f"S3 answered {self.status} {self.code}".strip()
        hint = _HINTS.get(self.code)
        return self._kind(self.code)(f"store {store!r} could not {doing}: {words}{f' ({hint})' if hint else ''}")

    def _kind(self, code: str) -> type[StoreError]:
        if code in _FULL or self.status == INSUFFICIENT_STORAGE:
            return Full
        if code in _DENIED or self.status in {HTTPStatus.FORBIDDEN, HTTPStatus.UNAUTHORIZED}:
            return Denied
        if code in _BUSY or self.status in _LATER:
            return Busy
        return Broken


_LATER = {408, 409, 429, 500, 502, 503, 504}


def no_bucket(store: str) -> Broken:
    """The bucket itself is missing: not the same as an object that is absent."""
    return Broken(f"store {store!r} has no bucket: {_HINTS['NoSuchBucket']}")


class Unfinished(msgspec.Struct, frozen=True):
    """An upload in parts that was neither completed nor given up."""

    key: str
    upload_id: str
    begun: datetime


class Malformed(Exception):
    """A document is not what S3 sends."""


def objects(body: bytes) -> Iterator[tuple[str, int]]:
    """Key and size of each object on a page of a listing."""
    for entry in _document(body).iter("Contents"):
        yield _text(entry, "Key"), int(_text(entry, "Size"))


def uploads(body: bytes) -> Iterator[Unfinished]:
    """The unfinished uploads on a page."""
    for entry in _document(body).iter("Upload"):
        yield Unfinished(_text(entry, "Key"), _text(entry, "UploadId"), _time(_text(entry, "Initiated")))


def newest_part(body: bytes) -> datetime | None:
    """When the last of the listed parts arrived."""
    return max((_time(_text(part, "LastModified")) for part in _document(body).iter("Part")), default=None)


def field(body: bytes, name: str) -> str:
    """The text of the first element of that name; empty without one."""
    return (_document(body).findtext(f".//{name}") or "").strip()


def _text(entry: ET.Element, name: str) -> str:
    found = entry.findtext(name)
    if found is None:
        raise Malformed(f"{entry.tag} without {name}")
    return found


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _document(body: bytes) -> ET.Element:
    try:
        root = ET.fromstring(body)  # noqa: S314 - from the operator's own server; expat has limits against bombs
    except ET.ParseError as error:
        raise Malformed("no XML") from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]  # some servers name a namespace, some none
    return root
