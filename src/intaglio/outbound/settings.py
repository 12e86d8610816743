"""What users may have fetched, and how long it may take, as the operator laid it down."""

import ipaddress
from collections.abc import Mapping
from pathlib import Path

import msgspec

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class UrlLists(msgspec.Struct, frozen=True, kw_only=True):
    """`[import_filtering_opts]`. In each pair the allow list decides alone where it is not empty.

    Hosts are names, or addresses as they are written in a URL.
    """

    allowed_schemes: tuple[str, ...] = ("http", "https")
    disallowed_schemes: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    disallowed_hosts: tuple[str, ...] = ()
    allowed_ports: tuple[int, ...] = (80, 443)
    disallowed_ports: tuple[int, ...] = ()


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds: to find the address and connect; until an answer begins; without a byte; for everything.

    `slowest` is the least rate, in bytes a second, over any `window` seconds of waiting.
    """

    connect: float = 15.0
    first_byte: float = 60.0
    stall: float = 60.0
    total: float = 24 * 3600.0
    slowest: float = 1024.0
    window: float = 60.0
    attempts: int = 4  # to connect, or to go on after the connection broke
    pause: float = 1.0  # seconds before the second attempt; doubled each time


class OutboundSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`networks` may be reached although they are not public. Proxies are URLs, which may hold passwords.

    `proxies` are for one scheme each and come before `proxy`.
    """

    lists: UrlLists = UrlLists()
    networks: tuple[Network, ...] = ()
    redirects: int = 5
    ca_file: Path | None = None  # certificate authorities that are trusted beside the system's
    ca_alone: bool = False  # those of `ca_file` and no others
    insecure: bool = False  # any certificate is taken
    proxy: str | None = None
    proxies: Mapping[str, str] = {}
    patience: Patience = Patience()

    def proxy_for(self, scheme: str) -> str | None:
        """The proxy through which URLs of this scheme are fetched."""
        return self.proxies.get(scheme, self.proxy)

    def __repr__(self) -> str:
        return f"OutboundSettings(lists={self.lists!r}, networks={self.networks!r}, proxy={self.proxy and '***'!r})"
