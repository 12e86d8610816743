"""Where the API listens: an address as a person writes it, and the socket made from it."""

import errno
import ipaddress
import socket
from pathlib import Path

import msgspec

from intaglio.base.errors import Invalid, Unavailable

DEFAULT = "127.0.0.1:9292"
BACKLOG = 4096  # connections that wait while every API process is being restarted; the kernel caps it at somaxconn
_LISTEN = "0A"  # the state in /proc/net/tcp
_HIGHEST_PORT = 65535


class AddressInvalid(Invalid):
    """The address to listen on is not of the form HOST:PORT."""

    code = "bind-address-invalid"


class AddressUnusable(Unavailable):
    """The address cannot be listened on now: taken, not of this machine, or not permitted."""

    code = "bind-address-unusable"


class Address(msgspec.Struct, frozen=True):
    """A host (an IP address or `localhost`) and a TCP port; port 0 lets the kernel choose one."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        return ipaddress.ip_address(self.host).is_loopback

    @property
    def url(self) -> str:
        """The URL by which a client on this machine reaches it."""
        address = ipaddress.ip_address(self.host)
        if address.is_unspecified:
            address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")  # noqa: PLR2004 - IPv4
        host = f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004 - IPv6
        return f"http://{host}:{self.port}"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse(text: str) -> Address:
    """`text` as an address: `127.0.0.1:9292`, `[::1]:9292`, `localhost:9292`. Raises `AddressInvalid`."""
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise AddressInvalid(f"{text!r} is not an address to listen on: write an IPv6 address in brackets, [::1]:9292.")
    if not colon or not port.isascii() or not port.isdecimal() or int(port) > _HIGHEST_PORT:
        raise AddressInvalid(
            f"{text!r} is not an address to listen on: HOST:PORT with a port up to {_HIGHEST_PORT}, like {DEFAULT}."
        )
    host = {"localhost": "127.0.0.1", "*": "0.0.0.0"}.get(host, host)  # noqa: S104 - asked for by name
    try:
        return Address(str(ipaddress.ip_address(host)), int(port))
    except ValueError:
        raise AddressInvalid(
            f"{text!r} is not an address to listen on: {host!r} is not an IP address of this machine, like {DEFAULT}."
        ) from None


def listen(address: Address) -> socket.socket:
    """A listening socket. Not SO_REUSEPORT: a second service on the port is refused, and not mixed in.

    Raises `AddressUnusable`, saying who has the port where that can be known.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # no wait for the last run's TIME_WAIT
        listener.bind((address.host, address.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise AddressUnusable(_why(address, error)) from error
    listener.setblocking(False)  # noqa: FBT003 - the socket module's way
    return listener


def bound(listener: socket.socket) -> Address:
    """The address a socket listens on, with the port the kernel chose."""
    name = listener.getsockname()
    return Address(name[0], name[1])


def _why(address: Address, error: OSError) -> str:
    other = f"intaglio serve --bind {Address(address.host, address.port + 1)}"
    if error.errno == errno.EADDRINUSE:
        who = _listener_on(address.port)
        return (
            f"Port {address.port} is in use{f' by {who}' if who else ''}. Stop that, or choose another port:"
            f" make run PORT={address.port + 1}, or {other}."
        )
    if error.errno == errno.EACCES:
        return f"Port {address.port} may only be used by root. Choose one from 1024 on: make run PORT=9292."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{address.host} is not an address of this machine. Use 127.0.0.1, or 0.0.0.0 for all its addresses."
    return f"Listening on {address} is not possible: {error.strerror}."


def _listener_on(port: int) -> str | None:
    """The process that listens on a TCP port, as `name (pid 123)`; None when it is not ours to know."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    if not inodes:
        return None
    for process in sorted((p for p in Path("/proc").iterdir() if p.name.isdecimal()), key=lambda p: int(p.name)):
        try:
            if any(str(link.readlink()) in inodes for link in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text(encoding='utf-8').strip()} (pid {process.name})"
        except OSError:
            continue  # another user's, or gone
    return None
