"""URLs of locations enciphered with the operator's key. Loaded where there is one: what it needs takes a while."""

import base64
import os

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from intaglio.db.location_urls import UNREADABLE, is_plain

_BLOCK = 16  # bytes


class EncipheredUrls:
    """See `location_urls.LocationUrls`; a row that holds a URL as it is, from before the key was set, is read, too."""

    enciphered = True

    def __init__(self, key: str) -> None:
        """`key` has 16, 24 or 32 bytes in UTF-8."""
        self._aes = AES(key.encode())

    def __repr__(self) -> str:
        return "EncipheredUrls(***)"

    def written(self, url: str) -> str:
        """The URL enciphered, each time in another way."""
        text = url.encode() + b"\0"
        first = os.urandom(_BLOCK)
        encryptor = Cipher(self._aes, CBC(first)).encryptor()
        return base64.urlsafe_b64encode(first + encryptor.update(text + _padding(-len(text) % _BLOCK))).decode()

    def read(self, text: str) -> str:
        """The URL deciphered."""
        if is_plain(text):
            return text
        try:
            data = base64.urlsafe_b64decode(text)
            decryptor = Cipher(self._aes, CBC(data[:_BLOCK])).decryptor()
            url, ended, _ = (decryptor.update(data[_BLOCK:]) + decryptor.finalize()).rpartition(b"\0")
            found = url.decode() if ended else ""
        except ValueError:  # base64, blocks and UTF-8 that are none
            found = ""
        return found if is_plain(found) and found.isprintable() else UNREADABLE


def _padding(length: int) -> bytes:
    """Random bytes, none of them zero: the last zero is what ends the text."""
    found = b""
    while len(found) < length:
        found += os.urandom(_BLOCK).replace(b"\0", b"")
    return found[:length]
