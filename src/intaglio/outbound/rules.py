"""The operator's rules: which URLs are fetched for users, to which addresses they may lead. Decides, asks nobody."""

import ipaddress
from collections.abc import Sequence

from intaglio.outbound.addresses import Address, judge, permitted, plain
from intaglio.outbound.base import MEANINGS, FetchRefused, Reason
from intaglio.outbound.settings import OutboundSettings
from intaglio.outbound.urls import Target, read, scheme_of

_SPOKEN = ("http", "https")
_OWN_NAMES = {"localhost", "localhost.localdomain", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback"}
_OWN_ADDRESS = ipaddress.IPv4Address("127.0.0.1")
_BY_NAME = {Reason.LOOPBACK, Reason.PRIVATE, Reason.LINK_LOCAL, Reason.SHARED, Reason.RESERVED}
"""What a host that the operator's allow list names may lead to."""


class Rules:
    """What is asked before each hop. Every refusal is a `FetchRefused` with its reason."""

    def __init__(self, settings: OutboundSettings) -> None:
        self._lists = settings.lists
        self._networks = settings.networks
        self._allowed = frozenset(map(_host, settings.lists.allowed_hosts))
        self._denied = frozenset(map(_host, settings.lists.disallowed_hosts))

    def target(self, url: str) -> Target:
        """The place that a URL means, when it may be asked as far as can be told without a name server."""
        scheme, rest = scheme_of(url)
        if not _passes(scheme, self._lists.allowed_schemes, self._lists.disallowed_schemes) or scheme not in _SPOKEN:
            raise _refused(Reason.SCHEME, f"{scheme[:20]} is not fetched here")
        target = read(scheme, rest)
        if not _passes(target.host, self._allowed, self._denied):
            raise _refused(Reason.HOST, f"the operator does not allow the host {target.host}")
        if not _passes(target.port, self._lists.allowed_ports, self._lists.disallowed_ports):
            raise _refused(Reason.PORT, f"the operator does not allow the port {target.port}")
        if target.address is not None:
            self.require(target, [target.address])
        elif _is_own(target.host) and target.host not in self._allowed and not permitted(_OWN_ADDRESS, self._networks):
            raise _refused(Reason.LOOPBACK, f"{target.host} is this machine itself")
        return target

    def require(self, target: Target, addresses: Sequence[Address]) -> None:
        """Raise unless every one of the addresses of this place may be connected to."""
        for address in addresses:
            reason = judge(address)
            if reason is not None and not self._opened(target, address, reason):
                what = "" if target.address is not None else f"{target.host} is {address}. "
                raise _refused(reason, what + MEANINGS[reason].removesuffix("."))
            if not self._allowed and str(plain(address)) in self._denied:
                raise _refused(Reason.HOST, f"the operator does not allow the host {address}")

    def _opened(self, target: Target, address: Address, reason: Reason) -> bool:
        if permitted(address, self._networks):
            return True
        if target.host not in self._allowed:
            return False
        return reason in _BY_NAME or (reason is Reason.METADATA and target.address is not None)


def _passes(
    value: object, allowed: Sequence[object] | frozenset[str], denied: Sequence[object] | frozenset[str]
) -> bool:
    return value in allowed if allowed else value not in denied


def _is_own(host: str) -> bool:
    return host in _OWN_NAMES or host.endswith(".localhost")


def _host(text: str) -> str:
    """A host of a list as `Target` has it."""
    bare = text.strip().lower().removeprefix("[").removesuffix("]").removesuffix(".")
    try:
        return str(plain(ipaddress.ip_address(bare)))
    except ValueError:
        return bare


def _refused(reason: Reason, why: str) -> FetchRefused:
    return FetchRefused(reason, f"The URL is not fetched: {why}.")
