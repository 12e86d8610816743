"""A fetcher under observation: every connection it tries is recorded, and none leaves this machine."""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from typing import Any

from intaglio.outbound.base import Facts, Wanted
from intaglio.outbound.connecting import plain_socket
from intaglio.outbound.fetcher import HttpFetcher
from intaglio.outbound.settings import OutboundSettings, Patience, UrlLists
from tests.outbound.hostile_server import CAP
from tests.outbound.hostile_urls import ANSWERS, HERE


class Watcher:
    """What a fetcher asked of the network."""

    def __init__(self) -> None:
        self.attempts: list[str] = []
        self.names: list[str] = []

    def dial(self, found: Any) -> socket.socket:
        address = found[4][0]
        self.attempts.append(address)
        if not ipaddress.ip_address(address).is_loopback:
            raise OSError(f"a test tried to reach {address}")
        return plain_socket(found)

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        self.names.append(host)
        if host == "rebind.example":
            return [HERE] if self.names.count(host) == 1 else ["127.0.0.1"]
        if host == "silent.example":
            await asyncio.sleep(3600)
        if host not in ANSWERS:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return ANSWERS[host]


def settings(port: int, patience: Patience = Patience(attempts=1, pause=0), **more: Any) -> OutboundSettings:  # noqa: B008 - a frozen value
    lists = UrlLists(allowed_ports=(80, 443, port))
    given: dict[str, Any] = {"lists": lists, "networks": (ipaddress.ip_network(HERE),), "patience": patience} | more
    return OutboundSettings(**given)


def fetcher(watcher: Watcher, chosen: OutboundSettings) -> HttpFetcher:
    return HttpFetcher(chosen, resolve=watcher.resolve, dial=watcher.dial)


async def fetch(
    fetching: HttpFetcher, wanted: Wanted | str, *, offset: int = 0, known: Facts | None = None
) -> tuple[int, bytes]:
    """The byte that the answer began with, and all that came."""
    what = Wanted(url=wanted, size_cap=CAP) if isinstance(wanted, str) else wanted
    async with fetching.open(what, offset=offset, known=known) as found:
        return found.offset, b"".join([piece async for piece in found.pieces()])
