"""Connections to addresses that were vetted, and to no other: the last look is taken where the socket is made."""

import contextlib
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.http_exceptions import HttpProcessingError

from intaglio.outbound.addresses import Address
from intaglio.outbound.base import FetchFailed, Reason
from intaglio.outbound.urls import Target

Dial = Callable[[Any], socket.socket]
"""Makes the socket for an address (family, type, protocol, name, (host, port, …)), which is connected next."""

_BUFFER = 256 * 1024  # bytes that may wait unread on a connection


def plain_socket(found: Any) -> socket.socket:
    """An ordinary socket."""
    family, kind, protocol, _, _ = found
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)  # noqa: FBT003 - its only signature
    return made


def session(
    addresses: Sequence[Address], dial: Dial, context: ssl.SSLContext | None, connect: float
) -> aiohttp.ClientSession:
    """A session that knows no other addresses than these, keeps no cookies and looks at no environment variable."""

    def checked(found: Any) -> socket.socket:
        if ipaddress.ip_address(found[4][0]) not in addresses:
            raise OSError(f"{found[4][0]} was not vetted")
        return dial(found)

    connector = aiohttp.TCPConnector(
        resolver=_Pinned(addresses),
        socket_factory=checked,
        ssl=context or True,
        use_dns_cache=False,
        force_close=True,
    )
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        read_bufsize=_BUFFER,
        trust_env=False,
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
    )


class _Pinned(AbstractResolver):
    """Answers with what was vetted, whatever is asked."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        self._addresses = addresses

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 - the library's signature
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET6 if address.version == 6 else socket.AF_INET,  # noqa: PLR2004 - IPv6
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        """Nothing is open."""


@contextlib.contextmanager
def explained(target: Target) -> Iterator[None]:
    """Turn what the network does into a `FetchFailed` that names the place, without secrets."""
    try:
        yield
    except aiohttp.ClientConnectorCertificateError as error:
        raise FetchFailed(Reason.TLS, f"The certificate of {target.authority} is not trusted.") from error
    except aiohttp.ClientSSLError as error:
        raise FetchFailed(Reason.TLS, f"{target.authority} does not speak TLS as it should.") from error
    except (aiohttp.ConnectionTimeoutError, aiohttp.ServerTimeoutError) as error:
        text = f"{target.authority} took no connection in time."
        raise FetchFailed(Reason.CONNECT_TIME, text, again=True) from error
    except (aiohttp.ClientHttpProxyError, aiohttp.ClientProxyConnectionError) as error:
        text = "The proxy that the operator configured does not let this through."
        raise FetchFailed(Reason.UNREACHABLE, text) from error
    except aiohttp.ClientConnectorError as error:
        text = f"{target.authority} cannot be connected to."
        raise FetchFailed(Reason.UNREACHABLE, text, again=True) from error
    except (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
        text = f"The connection to {target.authority} broke before everything had come."
        raise FetchFailed(Reason.SHORT, text, again=True) from error
    except (aiohttp.ClientError, HttpProcessingError, ValueError) as error:
        text = f"{target.authority} does not answer in HTTP as it should."
        raise FetchFailed(Reason.PROTOCOL, text) from error
    except (OSError, ssl.SSLError) as error:
        text = f"The connection to {target.authority} broke."
        raise FetchFailed(Reason.SHORT, text, again=True) from error
