"""A client that costs next to nothing: sends a file by sendfile, receives without copying. A program of its own.

    python -m bench.lean put URL FILE
    python -m bench.lean get URL

Prints what curl is asked to print (status, seconds, bytes up, bytes down), then begin and end on the monotonic clock.
"""

import re
import socket
import sys
import time
import urllib.parse
from pathlib import Path

_PIECE = 2**22
_HEAD = 2**16


def _connect(url: str) -> tuple[socket.socket, str, str]:
    parts = urllib.parse.urlsplit(url)
    connection = socket.create_connection((parts.hostname or "", parts.port or 80))
    return connection, parts.netloc, parts.path


def _answer(connection: socket.socket) -> tuple[int, int, bytes]:
    """Status and length of the answer, and what of its body has already come."""
    head = b""
    while b"\r\n\r\n" not in head:
        more = connection.recv(_HEAD)
        if not more:
            raise ConnectionError(f"the server closed after {head!r}")
        head += more
    head, _, body = head.partition(b"\r\n\r\n")
    length = re.search(rb"(?im)^content-length: *(\d+)", head)
    return int(head.split()[1]), int(length[1]) if length else 0, body


def put(url: str, path: Path) -> tuple[int, int, int]:
    """Send the file; the status, the bytes sent, and none received."""
    connection, host, target = _connect(url)
    size = path.stat().st_size
    head = f"PUT {target} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/octet-stream\r\nContent-Length: {size}"
    with connection, path.open("rb") as source:
        connection.sendall(f"{head}\r\n\r\n".encode())
        sent = connection.sendfile(source)
        return _answer(connection)[0], sent, 0


def get(url: str) -> tuple[int, int, int]:
    """Fetch and drop; the status, no bytes sent, and those received."""
    connection, host, target = _connect(url)
    with connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        status, length, body = _answer(connection)
        received = len(body)
        room = bytearray(_PIECE)
        while received < length:
            # MSG_TRUNC: for TCP, the kernel drops the bytes instead of copying them (Linux, tcp(7))
            more = connection.recv_into(room, min(_PIECE, length - received), socket.MSG_TRUNC)
            if not more:
                break
            received += more
    return status, 0, received


def main(words: list[str]) -> int:
    begin = time.monotonic()
    status, up, down = put(words[1], Path(words[2])) if words[0] == "put" else get(words[1])
    end = time.monotonic()
    sys.stdout.write(f"{status} {end - begin:.6f} {up} {down} {begin:.6f} {end:.6f}\n")
    return 0 if status in {200, 204} else 22


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
