"""Stores on the web: what they read is on this machine, which their rules open."""

import ipaddress
from typing import Any

from intaglio.outbound.fetcher import HttpFetcher
from intaglio.outbound.settings import OutboundSettings, Patience, UrlLists
from intaglio.stores.drivers.http import HttpStore

LOCAL = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


def rules(**more: Any) -> OutboundSettings:
    given: dict[str, Any] = {
        "lists": UrlLists(allowed_ports=()),
        "networks": LOCAL,
        "patience": Patience(attempts=1, pause=0, connect=5, first_byte=5, stall=5),
    }
    return OutboundSettings(**(given | more))


def http_store(settings: OutboundSettings | None = None) -> HttpStore:
    return HttpStore("web", settings or rules(), HttpFetcher)
