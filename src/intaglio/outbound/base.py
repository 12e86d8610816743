"""What is asked of the fetcher, what it answers, and every reason for which it refuses or fails."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Protocol

import msgspec

from intaglio.base.errors import Invalid, TooLarge, Unavailable


class Reason(StrEnum):
    """Why nothing, or nothing more, is fetched. The first ones are about the URL, then addresses, then the server."""

    FORM = "form"
    SCHEME = "scheme"
    HOST = "host"
    PORT = "port"
    NUMERIC = "numeric"
    UNSPECIFIED = "unspecified"
    LOOPBACK = "loopback"
    PRIVATE = "private"
    SHARED = "shared"
    LINK_LOCAL = "link-local"
    METADATA = "metadata"
    MULTICAST = "multicast"
    RESERVED = "reserved"
    TUNNEL = "tunnel"
    NAME = "name"
    UNREACHABLE = "unreachable"
    TLS = "tls"
    REDIRECTS = "redirects"
    LOCATION = "location"
    DOWNGRADE = "downgrade"
    STATUS = "status"
    PROTOCOL = "protocol"
    ENCODING = "encoding"
    RANGE = "range"
    TOO_LARGE = "too-large"
    SHORT = "short"
    CONNECT_TIME = "connect-time"
    FIRST_BYTE_TIME = "first-byte-time"
    STALL = "stall"
    SLOW = "slow"
    TOTAL_TIME = "total-time"


MEANINGS: Mapping[Reason, str] = {
    Reason.FORM: "The URL is not written as a URL of a host is, or could be read in two ways.",
    Reason.SCHEME: "Its scheme is not http or https, or not one that the operator allows.",
    Reason.HOST: "The operator's lists do not allow its host.",
    Reason.PORT: "The operator's lists do not allow its port, the one of its scheme where it names none.",
    Reason.NUMERIC: "The host is an IPv4 address in octal, hexadecimal, short or single-number form.",
    Reason.UNSPECIFIED: "An address is the unspecified one, which leads to this machine.",
    Reason.LOOPBACK: "An address is this machine's own.",
    Reason.PRIVATE: "An address is in a private network.",
    Reason.SHARED: "An address is in the space that providers share (100.64.0.0/10).",
    Reason.LINK_LOCAL: "An address is valid on its own link only.",
    Reason.METADATA: "An address is where clouds serve credentials and metadata.",
    Reason.MULTICAST: "An address is a multicast group.",
    Reason.RESERVED: "An address is reserved, for documentation for example.",
    Reason.TUNNEL: "An address leads through a tunnel (Teredo), to a place that cannot be told.",
    Reason.NAME: "The host's name has no address, or the name server does not answer.",
    Reason.UNREACHABLE: "No address takes a connection.",
    Reason.TLS: "The server's certificate is not trusted, or it does not speak TLS as it should.",
    Reason.REDIRECTS: "It redirects too often.",
    Reason.LOCATION: "It redirects without saying where to.",
    Reason.DOWNGRADE: "It redirects from https to http.",
    Reason.STATUS: "Its answer has another status than the one for a whole file.",
    Reason.PROTOCOL: "Its answer is not HTTP as it should be: contradictory, garbled or with huge headers.",
    Reason.ENCODING: "It sends the file packed (Content-Encoding), though it was asked not to.",
    Reason.RANGE: "It sends another part of the file than was asked for.",
    Reason.TOO_LARGE: "It is larger than one image may be.",
    Reason.SHORT: "It ends before the length that was announced.",
    Reason.CONNECT_TIME: "Connecting, or finding the address, takes too long.",
    Reason.FIRST_BYTE_TIME: "The server does not begin to answer in time.",
    Reason.STALL: "Nothing comes any more.",
    Reason.SLOW: "It comes too slowly.",
    Reason.TOTAL_TIME: "All of it takes too long.",
}


class FetchRefused(Invalid):
    """A URL, or what it leads to, is not fetched: the rules do not allow it."""

    code = "source-refused"

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class FetchFailed(Unavailable):
    """The source did not deliver. With `again`, another attempt may go better; `status` is what it answered, if so."""

    code = "source-failed"

    def __init__(self, reason: Reason, text: str, *, again: bool = False, status: int | None = None) -> None:
        super().__init__(text)
        self.reason = reason
        self.again = again
        self.status = status


class OutsideFile(FetchFailed):
    """The part that was asked for does not lie inside the file, which has `size` bytes where the source says so."""

    code = "source-part-outside"

    def __init__(self, text: str, size: int | None) -> None:
        super().__init__(Reason.RANGE, text)
        self.size = size


class FetchTooLarge(TooLarge):
    """What the source sends is larger than what may be fetched."""

    code = "source-too-large"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.reason = Reason.TOO_LARGE


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a source says of its file. `size` (bytes) is None when it does not say; so are the others.

    `validator` is what If-Range takes: a strong ETag, or a date of change that is old enough to be one (RFC 9110,
    8.8.2.2); None where a download cannot be continued.
    """

    size: int | None = None
    validator: str | None = None


class Download(Protocol):
    """An answer that is being read. Its bytes begin at `offset` of the file, which is 0 when it could not go on."""

    facts: Facts
    offset: int

    def pieces(self) -> AsyncGenerator[bytes, None]:
        """The bytes to the end of the file. Raises `FetchFailed`, `FetchTooLarge`."""
        ...


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to fetch. `size_cap` is in bytes.

    `headers` go to the host of `url` alone, never to where it redirects. `trusted` says that the operator named the
    host of `url`: its address is not vetted, those of redirects to other hosts are. `immutable` says that the same URL
    always gives the same bytes, so that a download can be continued without proof of that.
    """

    url: str
    size_cap: int
    headers: Mapping[str, str] = {}
    trusted: bool = False
    immutable: bool = False

    def continuable(self, facts: Facts) -> bool:
        """Whether the rest can be asked for later, and be known to be of the same file."""
        return facts.size is not None and (self.immutable or facts.validator is not None)

    def __repr__(self) -> str:
        return "Wanted(***)"


class Fetcher(Protocol):
    """Fetches what users name, by the operator's rules."""

    def open(
        self, wanted: Wanted, *, offset: int = 0, known: Facts | None = None
    ) -> AbstractAsyncContextManager[Download]:
        """Ask for the file, or with `offset` for its rest when it is still the one `known` is about.

        Raises `FetchRefused`, `FetchFailed`, `FetchTooLarge`. Nothing is open any more when the block has ended.
        """
        ...

    def part(self, wanted: Wanted, offset: int, length: int | None) -> AbstractAsyncContextManager[Download]:
        """Ask for the bytes [offset, offset + length) of the file, to its end when `length` is None.

        What comes begins at 0, and goes on to the end, from a source that sends no parts: the download's `offset` says
        so. Its facts are those of the whole file. Raises `OutsideFile` beside what `open` raises.
        """
        ...
