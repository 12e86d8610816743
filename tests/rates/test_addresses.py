"""Which address a call is counted for."""

import pytest
from starlette.requests import HTTPConnection

from intaglio.api.rates import _address


@pytest.mark.parametrize(
    ("peer", "headers", "forwarded", "address"),
    [
        ("192.0.2.7", [], False, "192.0.2.7"),
        ("192.0.2.7", ["198.51.100.1"], False, "192.0.2.7"),
        ("192.0.2.7", [], True, "192.0.2.7"),
        ("192.0.2.7", ["203.0.113.9, 198.51.100.1"], True, "198.51.100.1"),
        ("192.0.2.7", ["203.0.113.9", "198.51.100.1"], True, "198.51.100.1"),
        ("2001:db8:1:2:3:4:5:6", [], False, "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", [], False, "2001:db8:1:2::/64"),
        ("192.0.2.7", ["x" * 100], True, "x" * 64),
    ],
    ids=["plain", "not-believed", "none-named", "last-of-list", "last-header", "ipv6", "ipv6-neighbour", "nonsense"],
)
def test_the_address(peer: str, headers: list[str], forwarded: bool, address: str) -> None:
    scope = {
        "type": "http",
        "client": (peer, 1),
        "headers": [(b"x-forwarded-for", header.encode()) for header in headers],
    }
    assert _address(HTTPConnection(scope), forwarded=forwarded) == address
