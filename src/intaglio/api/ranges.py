"""Reading a request for a part of a file (RFC 9110, section 14), as far as the Images API allows one."""

import re

import msgspec

from intaglio.base.errors import Invalid, RangeUnsatisfiable


class SeveralRanges(Invalid):
    """One range a request is what this service answers."""

    code = "several-ranges"


class BadRange(RangeUnsatisfiable):
    """The range is malformed or lies outside the data."""

    code = "bad-range"

    def __init__(self, message: str, size: int) -> None:
        super().__init__(message)
        self.http_headers = {"Content-Range": f"bytes */{size}"}


class Part(msgspec.Struct, frozen=True):
    """The bytes [start, start + length) of `size` bytes."""

    start: int
    length: int
    size: int

    @property
    def content_range(self) -> str:
        """The value of the Content-Range header."""
        return f"bytes {self.start}-{self.start + self.length - 1}/{self.size}"


_RANGE = re.compile(r"bytes=(?:(\d{1,99})-(\d{0,99})|-(\d{1,99}))", re.IGNORECASE)
_LEGACY = re.compile(r"bytes (\d{1,99})-(\d{1,99})/(?:\*|\d{1,99})", re.IGNORECASE)


def requested_part(size: int, range_header: str | None, content_range: str | None) -> Part | None:
    """The part asked for by `Range`, or by `Content-Range` (a legacy form), None when neither is there.

    Raises `BadRange`, `SeveralRanges`.
    """
    if range_header is not None:
        return _from_range(size, range_header.strip())
    if content_range is not None:
        match = _LEGACY.fullmatch(content_range.strip())
        if match is None:
            raise BadRange("The header Content-Range of a request must look like 'bytes 0-99/*'.", size)
        if int(match[2]) >= size:
            raise BadRange(f"The range lies outside the {size} bytes of the image.", size)
        return _part(size, int(match[1]), int(match[2]))
    return None


def _from_range(size: int, header: str) -> Part:
    if "," in header and header.lower().startswith("bytes="):
        raise SeveralRanges("Only one range can be asked for at a time.")
    match = _RANGE.fullmatch(header)
    if match is None:
        raise BadRange("The header Range must look like 'bytes=0-99', 'bytes=100-' or 'bytes=-100'.", size)
    first, last, suffix = match.groups()
    if suffix is not None:
        length = min(int(suffix), size)
        return _part(size, size - length, size - 1)
    return _part(size, int(first), int(last) if last else size - 1)


def _part(size: int, first: int, last: int) -> Part:
    last = min(last, size - 1)
    if first > last:
        raise BadRange(f"The range lies outside the {size} bytes of the image.", size)
    return Part(first, last - first + 1, size)
