"""Judging the head of an answer: a whole file, or exactly the rest that was asked for, and of which size."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from intaglio.outbound.base import Facts, FetchFailed, FetchTooLarge, OutsideFile, Reason
from intaglio.outbound.urls import Target

REDIRECTS = {301, 302, 303, 307, 308}
_AGAIN = {408, 425, 429, 500, 502, 503, 504}
_OUTSIDE = 416
_RANGE = re.compile(r"bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19})")
_NO_RANGE = re.compile(r"bytes \*/([0-9]{1,19})")
_OLD_ENOUGH = timedelta(minutes=1)


def judged(
    target: Target, status: int, headers: Mapping[str, str], offset: int, known: Facts | None
) -> tuple[Facts, int]:
    """What the answer says of the file, and the byte it begins with. Raises `FetchFailed`."""
    _require_unpacked(target, headers)
    if status == HTTPStatus.OK:
        return Facts(size=_length(target, headers), validator=_validator(headers)), 0
    if status == HTTPStatus.PARTIAL_CONTENT:
        return _rest(target, headers, offset, known), offset
    raise _no_file(target, status)


def judged_part(
    target: Target, status: int, headers: Mapping[str, str], offset: int, length: int | None
) -> tuple[Facts, int, int | None]:
    """What the answer says of the file, and the bytes it begins with and ends before: those asked for, or all.

    Raises `OutsideFile`, `FetchFailed`.
    """
    if status == _OUTSIDE:
        found = _NO_RANGE.fullmatch(headers.get("Content-Range", "").strip())
        size = int(found[1]) if found else None
        raise OutsideFile(f"{target.authority} has no byte {offset} of the file.", size)
    _require_unpacked(target, headers)
    if status == HTTPStatus.OK:
        whole = Facts(size=_length(target, headers), validator=_validator(headers))
        return whole, 0, whole.size
    if status == HTTPStatus.PARTIAL_CONTENT:
        return _asked_for(target, headers, offset, length)
    raise _no_file(target, status)


def _asked_for(
    target: Target, headers: Mapping[str, str], offset: int, length: int | None
) -> tuple[Facts, int, int | None]:
    found = _RANGE.fullmatch(headers.get("Content-Range", "").strip())
    if found is None:
        raise FetchFailed(Reason.RANGE, f"{target.authority} does not say which part of the file it sends.")
    first, last, size = map(int, found.groups())
    end = size if length is None else min(size, offset + length)
    if (first, last + 1) != (offset, end) or _length(target, headers) not in {None, end - offset}:
        raise FetchFailed(Reason.RANGE, f"{target.authority} sends another part of the file than was asked for.")
    return Facts(size=size, validator=_validator(headers)), offset, end


def _require_unpacked(target: Target, headers: Mapping[str, str]) -> None:
    if headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
        raise FetchFailed(Reason.ENCODING, f"{target.authority} sends the file packed (Content-Encoding).")


def _no_file(target: Target, status: int) -> FetchFailed:
    text = f"{target} answers {status}{_phrase(status)}; a file is sent with status 200."
    return FetchFailed(Reason.STATUS, text, again=status in _AGAIN, status=status)


def require_within(cap: int, size: int | None, target: Target) -> None:
    """Raise `FetchTooLarge` when so many bytes are more than may be fetched."""
    if size is not None and size > cap:
        raise FetchTooLarge(f"{target} is larger than the {cap} bytes that may be fetched.")


def _phrase(status: int) -> str:
    try:
        return f" ({HTTPStatus(status).phrase})"
    except ValueError:
        return ""


def _rest(target: Target, headers: Mapping[str, str], offset: int, known: Facts | None) -> Facts:
    found = _RANGE.fullmatch(headers.get("Content-Range", "").strip())
    if found is None or known is None or not offset:
        raise FetchFailed(Reason.RANGE, f"{target.authority} sends a part of the file that was not asked for.")
    first, last, size = map(int, found.groups())
    length = _length(target, headers)
    if (first, last, size) != (offset, size - 1, known.size) or length not in {None, size - offset}:
        raise FetchFailed(Reason.RANGE, f"{target.authority} sends another part of the file than was asked for.")
    validator = _validator(headers)
    if validator is not None and validator != known.validator:
        raise FetchFailed(Reason.RANGE, f"{target.authority} sends the rest of another file.")
    return known


def _length(target: Target, headers: Mapping[str, str]) -> int | None:
    text = headers.get("Content-Length")
    if text is None or "Transfer-Encoding" in headers:
        return None
    if not re.fullmatch(r"[0-9]{1,19}", text):
        raise FetchFailed(Reason.PROTOCOL, f"{target.authority} announces a length that is no number.")
    return int(text)


def _validator(headers: Mapping[str, str]) -> str | None:
    tag = headers.get("ETag", "").strip()
    if re.fullmatch(r'"[\x21\x23-\x7e]*"', tag):
        return tag
    changed, now = _moment(headers.get("Last-Modified")), _moment(headers.get("Date"))
    if changed is None or now is None or now - changed < _OLD_ENOUGH:
        return None
    return headers["Last-Modified"].strip()


def _moment(text: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
