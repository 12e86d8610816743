"""What kind of place an IP address is: public, or one of those that a user's URL must not lead to.

The ranges are those of IANA's special-purpose registries, written out here: what Python's own `is_global` says has
changed between its releases.
"""

import ipaddress
from collections.abc import Iterable

from intaglio.outbound.base import Reason

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        (
            "169.254.169.254",  # most clouds
            "169.254.169.253",  # the name server of one
            "169.254.170.2",  # credentials of containers
            "169.254.170.23",
            "100.100.100.200",
            "168.63.129.16",  # public by its range, and answered by the machine's host
            "192.0.0.192",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
            "fe80::a9fe:a9fe",
        ),
    )
)

_V4: tuple[tuple[ipaddress.IPv4Network, Reason], ...] = tuple(
    (ipaddress.IPv4Network(network), reason)
    for network, reason in (
        ("0.0.0.0/8", Reason.UNSPECIFIED),
        ("10.0.0.0/8", Reason.PRIVATE),
        ("100.64.0.0/10", Reason.SHARED),
        ("127.0.0.0/8", Reason.LOOPBACK),
        ("169.254.0.0/16", Reason.LINK_LOCAL),
        ("172.16.0.0/12", Reason.PRIVATE),
        ("192.0.0.0/24", Reason.RESERVED),
        ("192.0.2.0/24", Reason.RESERVED),
        ("192.88.99.0/24", Reason.RESERVED),
        ("192.168.0.0/16", Reason.PRIVATE),
        ("198.18.0.0/15", Reason.RESERVED),
        ("198.51.100.0/24", Reason.RESERVED),
        ("203.0.113.0/24", Reason.RESERVED),
        ("224.0.0.0/4", Reason.MULTICAST),
        ("240.0.0.0/4", Reason.RESERVED),
    )
)
_V6: tuple[tuple[ipaddress.IPv6Network, Reason], ...] = tuple(
    (ipaddress.IPv6Network(network), reason)
    for network, reason in (
        ("::/128", Reason.UNSPECIFIED),
        ("::1/128", Reason.LOOPBACK),
        ("64:ff9b:1::/48", Reason.PRIVATE),
        ("2001::/32", Reason.TUNNEL),
        ("2001::/23", Reason.RESERVED),
        ("2001:db8::/32", Reason.RESERVED),
        ("3fff::/20", Reason.RESERVED),
        ("fc00::/7", Reason.PRIVATE),
        ("fe80::/10", Reason.LINK_LOCAL),
        ("fec0::/10", Reason.PRIVATE),
        ("ff00::/8", Reason.MULTICAST),
    )
)
_PUBLIC_V6 = (ipaddress.IPv6Network("2000::/3"), ipaddress.IPv6Network("64:ff9b::/96"))
_EMBEDDING: tuple[tuple[ipaddress.IPv6Network, int], ...] = (  # how many bits stand behind the IPv4 address
    (ipaddress.IPv6Network("::/96"), 0),
    (ipaddress.IPv6Network("::ffff:0:0:0/96"), 0),
    (ipaddress.IPv6Network("64:ff9b::/96"), 0),
    (ipaddress.IPv6Network("2002::/16"), 80),
)
_ISATAP = {0x00005EFE, 0x02005EFE}  # in the third quarter of an address: an IPv4 address is the fourth


def plain(address: Address) -> Address:
    """The address that is connected to: the IPv4 one of `::ffff:a.b.c.d`."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def judge(address: Address) -> Reason | None:
    """Why a user's URL must not lead to this address; None for a public one.

    An IPv6 address that holds an IPv4 one is as good as that one, for that is where a gateway would send it.
    """
    address = plain(address)
    if address in _METADATA:
        return Reason.METADATA
    if isinstance(address, ipaddress.IPv4Address):
        return _of(address, _V4)
    found = _of(address, _V6)
    if found is not None:
        return found
    for inner in _embedded(address):
        if (reason := judge(inner)) is not None:
            return reason
    return None if any(address in network for network in _PUBLIC_V6) else Reason.RESERVED


def permitted(address: Address, networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    """Whether the operator's networks open this address. A metadata address has to be named by itself."""
    address = plain(address)
    reason = judge(address)
    if reason in {Reason.UNSPECIFIED, Reason.MULTICAST}:
        return False
    return any(
        address in network and (reason is not Reason.METADATA or network.num_addresses == 1) for network in networks
    )


def _of(
    address: Address, table: Iterable[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, Reason]]
) -> Reason | None:
    return next((reason for network, reason in table if address in network), None)


def _embedded(address: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    number = int(address)
    found = [number >> shift for network, shift in _EMBEDDING if address in network]
    if number >> 32 & 0xFFFFFFFF in _ISATAP:
        found.append(number)
    return [ipaddress.IPv4Address(each & 0xFFFFFFFF) for each in found]
