"""Verifying one OpenPGP signature of data that come through standard input; run as a process of its own.

Sequoia holds Python's lock while it reads, so that a service could do nothing else meanwhile. Here nothing else is to
be done, and memory is limited before a byte of anybody's is looked at. First comes the length of what is to be
verified, then that, then the data; the answer is one JSON document.
"""

import os
import resource
import sys

import msgspec

from intaglio.signatures import openpgp

MEMORY = 1 << 30
"""Bytes of address space, most of which is never touched: what is mapped counts."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """`signed` when the signature fits, otherwise why it does not."""

    signed: msgspec.Raw = msgspec.Raw(b"null")
    error: str = ""


def main() -> None:
    """Answer."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    chosen = msgspec.json.decode(_exactly(int.from_bytes(_exactly(4))), type=openpgp.Chosen)
    try:
        answer = Answer(signed=msgspec.Raw(msgspec.json.encode(openpgp.verify_chosen(chosen, file="/dev/fd/0"))))
    except openpgp.OpenPGPMismatch as error:
        answer = Answer(error=str(error))
    sys.stdout.buffer.write(msgspec.json.encode(answer))


def _exactly(length: int) -> bytes:
    """So many bytes and none more: the data behind them are read by another."""
    found = b""
    while len(found) < length:
        piece = os.read(0, length - len(found))
        if not piece:
            raise EOFError
        found += piece
    return found


if __name__ == "__main__":
    main()
