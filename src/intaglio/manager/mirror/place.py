"""What a mirror is kept in: a bucket or a directory, and what is known of each file in it."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Protocol

import msgspec

from intaglio.base.errors import Invalid, Unavailable
from intaglio.manager.progress import Meter

NOTES = "intaglio-mirror.json"
"""The key, below the mirror's own, of what the mirror remembers from run to run."""
SUM = ".sha256"
"""The ending of the file beside each file that has its digest, in the form of sha256sum."""


class MirrorInvalid(Invalid):
    """A mirror cannot be where it is said to be: the address is not of a known form, or there is no such bucket."""

    code = "mirror-invalid"


class MirrorFailed(Unavailable):
    """The mirror cannot be read or written now."""

    code = "mirror-failed"

    def __init__(self, message: str, *, absent: bool = False) -> None:
        super().__init__(message)
        self.absent = absent  # there is no such file, and nothing else is wrong


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept with a file of the mirror."""

    sha256: str
    """Of the file as it lies there, in hexadecimal."""
    published: str
    """The digest, `algorithm:hex`, that it was verified by: the upstream's, of the file or of what it unpacks to."""
    verified: bool
    """False when nobody publishes a digest of it."""
    definition: str
    version: str


class Held(msgspec.Struct, frozen=True):
    """A file of the mirror. `facts` is None when somebody else has put it there."""

    key: str
    size: int
    modified: datetime
    facts: Facts | None


class Place(Protocol):
    """Where a mirror is. Keys are relative to it, with `/` between their parts. Threads may use it at once.

    Every method raises `MirrorFailed`.
    """

    @property
    def address(self) -> str:
        """The place, without secrets."""
        ...

    def look(self, key: str) -> Held | None:
        """The file at a key; None when there is none."""
        ...

    def put(self, key: str, path: Path, facts: Facts, meter: Meter) -> None:
        """Put a file at a key, in place of what is there; whole, with the digest that `facts` names, or not at all.

        Raises `MirrorFailed` also when the file has changed meanwhile. What was sent by a run that was killed is not
        sent again.
        """
        ...

    def put_text(self, key: str, text: str) -> None:
        """Put a small text at a key."""
        ...

    def text(self, key: str) -> str | None:
        """A small text; None when there is none."""
        ...

    def pieces(self, key: str) -> Iterator[bytes]:
        """The bytes at a key."""
        ...

    def keys(self) -> Iterator[str]:
        """All keys, in any order."""
        ...

    def delete(self, key: str) -> None:
        """Delete a file, and what is kept with it; one that is not there, too."""
        ...
