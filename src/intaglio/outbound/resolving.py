"""From a host's name to its addresses, asked once for each hop, each of them allowed before any is used."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence

from intaglio.outbound.addresses import Address, plain
from intaglio.outbound.base import FetchFailed, Reason
from intaglio.outbound.rules import Rules
from intaglio.outbound.urls import Target

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a name, as text; the port is that which will be connected to. Raises OSError."""

MOST = 8  # addresses that are tried; names with more are served by the first ones as well


async def by_system(host: str, port: int) -> Sequence[str]:
    """What this machine's resolver says."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(answer[4][0]) for answer in found]


async def vetted(rules: Rules, resolve: Resolve, target: Target, seconds: float) -> tuple[Address, ...]:
    """The addresses to connect to, in their order. Raises `FetchRefused`, `FetchFailed`."""
    if target.address is not None:
        return (plain(target.address),)  # `Rules.target` has looked at it
    addresses = await addresses_of(resolve, target, seconds)
    rules.require(target, addresses)
    return tuple(dict.fromkeys(map(plain, addresses)))[:MOST]


async def addresses_of(resolve: Resolve, target: Target, seconds: float) -> tuple[Address, ...]:
    """Every address of the host, not vetted. Raises `FetchFailed`."""
    if target.address is not None:
        return (target.address,)
    try:
        async with asyncio.timeout(seconds):
            answers = await resolve(target.host, target.port)
        addresses = tuple(ipaddress.ip_address(answer) for answer in answers)
    except TimeoutError:
        raise FetchFailed(
            Reason.CONNECT_TIME, f"The name server did not say where {target.host} is.", again=True
        ) from None
    except (OSError, UnicodeError, ValueError) as error:
        later = isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN
        raise FetchFailed(Reason.NAME, f"The name {target.host} has no address.", again=later) from error
    if not addresses:
        raise FetchFailed(Reason.NAME, f"The name {target.host} has no address.")
    return addresses
