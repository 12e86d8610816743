"""Reading a URL so that it can mean one thing only. What two programs might read differently is refused, not mended."""

import ipaddress
import re
from urllib.parse import unquote, urljoin

import msgspec

from intaglio.outbound.addresses import Address, plain
from intaglio.outbound.base import FetchRefused, Reason

LONGEST = 8000  # characters; the longest presigned URLs of object stores have two thousand
_LONGEST_NAME = 253
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HIGHEST_PORT = 65535

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):(?P<rest>.*)")
_REST = re.compile(r"//(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<query>\?[^#]*)?(?P<fragment>#.*)?")
_V6 = re.compile(r"\[(?P<host>[0-9A-Fa-f:.]+)\](?::(?P<port>[0-9]{0,5}))?")
_NAME = re.compile(r"(?P<host>[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{0,5}))?")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")
_V4_BITS = 32


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One place to ask. `host` is lower case, without brackets; `target` is path and query as they are sent."""

    scheme: str
    host: str
    port: int
    target: str
    address: Address | None = None  # where the host is one
    user: str | None = None
    password: str = ""

    @property
    def origin(self) -> tuple[str, str, int]:
        """What credentials are for."""
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """Host and port as they stand in a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS.get(self.scheme) else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL without user and password; its query may be a secret."""
        return f"{self.scheme}://{self.authority}{self.target}"

    def joined(self, reference: str) -> str:
        """The URL that a `Location` header means here."""
        return urljoin(self.url, reference)

    def __str__(self) -> str:
        path = self.target.partition("?")[0]
        return f"{self.scheme}://{self.authority}{path if len(path) <= 200 else path[:200] + '…'}"  # noqa: PLR2004 - a line

    def __repr__(self) -> str:
        return f"Target({self})"


def scheme_of(text: str) -> tuple[str, str]:
    """Scheme (lower case) and the rest of a URL. Raises `FetchRefused`."""
    if len(text) > LONGEST:
        raise _bad(f"It has {len(text)} characters; {LONGEST} are allowed.")
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        raise _bad("It holds a space, a backslash, or a character that must be written as %XX or xn--.")
    found = _URL.fullmatch(text)
    if found is None:
        raise _bad("It must begin with http:// or https://.")
    return found["scheme"].lower(), found["rest"]


def read(scheme: str, rest: str) -> Target:
    """The place that a URL of one of our schemes means. Raises `FetchRefused`."""
    parts = _REST.fullmatch(rest)
    if parts is None or not parts["authority"]:
        raise _bad("It names no host.")
    credentials, at, place = parts["authority"].rpartition("@")
    if "@" in credentials:
        raise _bad("It holds more than one @ before the path.")
    user, password = _credentials(credentials) if at else (None, "")
    host, port, address = _place(place, _DEFAULT_PORTS[scheme])
    target = (parts["path"] or "/") + (parts["query"] or "")
    return Target(scheme=scheme, host=host, port=port, target=target, address=address, user=user, password=password)


def masked(text: str) -> str:
    """A URL without its password, for those who may see the request that held it."""
    return re.sub(r"(?<=//)[^/?#]*@", "***@", text, count=1)


def _credentials(text: str) -> tuple[str, str]:
    user, _, password = text.partition(":")
    user, password = unquote(user), unquote(password)
    if not (user + password).isprintable() or ":" in user:
        raise _bad("Its user or password holds a character that cannot be sent.")
    return user, password


def _place(text: str, default: int) -> tuple[str, int, Address | None]:
    found = (_V6 if text.startswith("[") else _NAME).fullmatch(text)
    if found is None:
        raise _bad("Its host is not a name or address; an IPv6 address stands in brackets, without a zone.")
    port = int(found["port"] or default)
    if not 0 < port <= _HIGHEST_PORT:
        raise _bad("Its port is not from 1 to 65535.")
    if text.startswith("["):
        try:
            inside = plain(ipaddress.IPv6Address(found["host"]))
        except ValueError:
            raise _bad("What stands in brackets is no IPv6 address.") from None
        return str(inside), port, inside
    host = found["host"].lower().removesuffix(".")
    address = _v4(host)
    if address is None and (len(host) > _LONGEST_NAME or not all(map(_LABEL.fullmatch, host.split(".")))):
        raise _bad("Its host is not a name that a name server could know.")
    return host, port, address


def _v4(host: str) -> ipaddress.IPv4Address | None:
    """The address that a host is; None for a name. A host whose last part is a number is an address, or nothing."""
    parts = host.split(".")
    if not _NUMBER.fullmatch(parts[-1]):
        return None
    try:
        return ipaddress.IPv4Address(host)
    except ValueError:
        meant = _loosely(parts)
        hint = f"is another way to write {meant}" if meant else "is no IPv4 address"
        raise FetchRefused(
            Reason.NUMERIC, f"The URL is not fetched: '{host[:60]}' {hint}; write four decimal numbers, or a name."
        ) from None


def _loosely(parts: list[str]) -> ipaddress.IPv4Address | None:
    """What inet_aton(3) would make of it: up to four numbers in any base, the last filling what is left."""
    if not 1 <= len(parts) <= 4 or not all(map(_NUMBER.fullmatch, parts)):  # noqa: PLR2004 - numbers of an address
        return None
    try:
        numbers = [_number(part) for part in parts]
    except ValueError:
        return None
    *front, last = numbers
    left = _V4_BITS - 8 * len(front)
    if any(number > 0xFF for number in front) or last >= 1 << left:  # noqa: PLR2004 - a byte
        return None
    total = last
    for place, number in enumerate(front):
        total |= number << (24 - 8 * place)
    return ipaddress.IPv4Address(total)


def _number(text: str) -> int:
    if text[:2] in {"0x", "0X"}:
        return int(text[2:] or "0", 16)
    return int(text, 8 if len(text) > 1 and text.startswith("0") else 10)


def _bad(why: str) -> FetchRefused:
    return FetchRefused(Reason.FORM, f"The URL is not fetched. {why}")
