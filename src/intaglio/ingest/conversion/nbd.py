"""What qemu-img reads and writes instead of files: the NBD protocol, spoken over a pair of connected sockets.

The process at the other end needs no file, no directory and no network. Protocol: the NBD project's doc/proto.md, the
fixed newstyle negotiation with one export and simple replies.
"""

import asyncio
import errno
import logging
import socket
import struct
from typing import Protocol

from intaglio.base.errors import IntaglioError

_log = logging.getLogger(__name__)

_GREETING = struct.pack(">8s8sH", b"NBDMAGIC", b"IHAVEOPT", 0b11)  # fixed newstyle, no padding of zeros
_OPTION = struct.Struct(">8sII")
_OPTION_REPLY = struct.Struct(">QIII")
_OPTION_MAGIC = 0x0003E889045565A9
_EXPORT_NAME, _ABORT, _INFO, _GO = 1, 2, 6, 7
_ACK, _REP_INFO, _UNSUPPORTED = 1, 3, 0x80000001
_REQUEST = struct.Struct(">IHHQQI")
_REQUEST_MAGIC = 0x25609513
_REPLY = struct.Struct(">IIQ")
_REPLY_MAGIC = 0x67446698
_READ, _WRITE, _DISCONNECT, _FLUSH, _TRIM, _ZEROES = 0, 1, 2, 3, 4, 6
_HAS_FLAGS, _READ_ONLY, _SEND_FLUSH, _SEND_TRIM, _SEND_ZEROES = 1, 2, 4, 32, 64
_LONGEST = 32 << 20
"""Bytes of one read or write that a server has to take; what is longer breaks the protocol."""
_LONGEST_OPTION = 4096


class Export(Protocol):
    """One disk, of `size` bytes. What its methods raise is answered as an error, and kept: see `serve`."""

    size: int
    writable: bool

    async def read(self, offset: int, length: int, /) -> bytes:
        """Exactly these bytes."""
        ...

    async def write(self, offset: int, data: memoryview, /) -> None:
        """Take these bytes; the buffer is used again afterwards."""
        ...

    async def zero(self, offset: int, length: int, /) -> None:
        """Take so many zeros."""
        ...


class Broken(Exception):
    """The other side does not speak the protocol."""


async def serve(connection: socket.socket, export: Export) -> None:
    """Answer one client until it leaves, one request after the other; the socket is closed at the end.

    A client that breaks the protocol, or that is killed, is left. Raises what made a request of it fail: the client
    itself is told `EIO` only.
    """
    connection.setblocking(False)  # noqa: FBT003 - positional by the library's signature
    session = _Session(connection, export)
    with connection:
        try:
            if await session.negotiated():
                await session.transmit()
        except (ConnectionError, EOFError):
            pass  # it says itself how it ended
        except Broken as error:
            _log.warning("a client of NBD is left: %s", error)
    if session.failure is not None:
        raise session.failure


class _Session:
    def __init__(self, connection: socket.socket, export: Export) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = connection
        self._export = export
        self._buffer = bytearray(1 << 20)
        self.failure: IntaglioError | OSError | None = None

    async def negotiated(self) -> bool:
        """Agree on the export; False when the client leaves."""
        await self._send(_GREETING)
        await self._receive(4)
        while True:
            magic, option, length = _OPTION.unpack(await self._receive(_OPTION.size))
            if magic != b"IHAVEOPT" or length > _LONGEST_OPTION:
                raise Broken("it asks for something else than an option")
            await self._receive(length)
            if option == _EXPORT_NAME:
                await self._send(struct.pack(">QH", self._export.size, self._flags()))
                return True
            if option in {_INFO, _GO}:
                about = struct.pack(">HQH", 0, self._export.size, self._flags())
                await self._reply_option(option, _REP_INFO, about)
                await self._reply_option(option, _ACK)
                if option == _GO:
                    return True
            elif option == _ABORT:
                await self._reply_option(option, _ACK)
                return False
            else:
                await self._reply_option(option, _UNSUPPORTED)

    async def transmit(self) -> None:
        while True:
            magic, _, kind, handle, offset, length = _REQUEST.unpack(await self._receive(_REQUEST.size))
            if magic != _REQUEST_MAGIC:
                raise Broken("what it sends is no request")
            if kind == _DISCONNECT:
                return
            if kind in {_READ, _WRITE} and length > _LONGEST:
                raise Broken("it asks for more at once than a server has to give")
            data = await self._receive(length) if kind == _WRITE else memoryview(b"")
            number, answer = await self._answered(kind, offset, length, data)
            await self._send(_REPLY.pack(_REPLY_MAGIC, number, handle))
            if answer:
                await self._send(answer)

    async def _answered(self, kind: int, offset: int, length: int, data: memoryview) -> tuple[int, bytes]:
        """The number of the error, or 0 and the bytes read."""
        export = self._export
        if kind in {_FLUSH, _TRIM}:
            return 0, b""
        if offset + length > export.size or kind not in {_READ, _WRITE, _ZEROES}:
            return errno.EINVAL, b""
        if kind != _READ and not export.writable:
            return errno.EPERM, b""
        try:
            if kind == _READ:
                return 0, await export.read(offset, length)
            if kind == _WRITE:
                await export.write(offset, data)
            else:
                await export.zero(offset, length)
        except (IntaglioError, OSError) as error:
            self.failure = self.failure or error
            return errno.EIO, b""
        return 0, b""

    def _flags(self) -> int:
        return _HAS_FLAGS | ((_SEND_FLUSH | _SEND_TRIM | _SEND_ZEROES) if self._export.writable else _READ_ONLY)

    async def _reply_option(self, option: int, kind: int, data: bytes = b"") -> None:
        await self._send(_OPTION_REPLY.pack(_OPTION_MAGIC, option, kind, len(data)) + data)

    async def _send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self._socket, data)

    async def _receive(self, length: int) -> memoryview:
        """The next bytes, in a buffer that is used again by the next call."""
        if length > len(self._buffer):
            self._buffer = bytearray(length)
        view = memoryview(self._buffer)[:length]
        done = 0
        while done < length:
            count = await self._loop.sock_recv_into(self._socket, view[done:])
            if not count:
                raise EOFError
            done += count
        return view
