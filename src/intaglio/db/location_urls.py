"""How the URLs of locations are written in the database: as they are, or enciphered with the operator's key.

The scheme is Glance's (`metadata_encryption_key`), so that either service reads what the other wrote: AES in CBC mode,
a random first block, the text in UTF-8 ended by a zero byte and padded with others, all of it in URL-safe base64. It
keeps URLs from those who read the database and have no key; it does not show that somebody changed them.
"""

from typing import Protocol

UNREADABLE = "enciphered:"
"""What stands for a URL that this service's key does not open: no store has it, so nothing is done by it."""


class LocationUrls(Protocol):
    """Between the text of a URL and that in its row."""

    @property
    def enciphered(self) -> bool:
        """Whether the database cannot compare what it holds."""
        ...

    def written(self, url: str) -> str:
        """What the row is to hold."""
        ...

    def read(self, text: str) -> str:
        """The URL of a row, `UNREADABLE` when the row was written with another key."""
        ...


class PlainUrls:
    """Rows hold URLs as they are."""

    enciphered = False

    def written(self, url: str) -> str:
        """The URL itself."""
        return url

    def read(self, text: str) -> str:
        """The URL itself."""
        return text if is_plain(text) else UNREADABLE


PLAIN = PlainUrls()


def is_plain(text: str) -> bool:
    """Whether the row holds a URL as it is: base64 has no colon, and every URL one."""
    return ":" in text
