"""What is asked of the door for bytes, what it answers, and why it refuses."""

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

import msgspec

from intaglio.base.errors import Invalid, TooLarge, Unavailable
from intaglio.formats.base import Buffer
from intaglio.formats.settings import FormatSettings
from intaglio.stores.base import Chunk, Stat


class SizeMismatch(Invalid):
    """The number of bytes that came is not the number that was announced."""

    code = "size-mismatch"


class CapExceeded(TooLarge):
    """The image is larger than one image may be."""

    code = "image-size-cap-exceeded"


class UnknownHash(Invalid):
    """The configured hashing algorithm cannot be computed here."""

    code = "unknown-hashing-algorithm"


class NotAsStored(Unavailable):
    """What a store delivered is not what was stored; its last bytes are kept back."""

    code = "not-as-stored"


class DigestMismatch(Invalid):
    """The bytes that came are not those that were meant: their digest is another one."""

    code = "digest-mismatch"


class CannotUnpack(Invalid):
    """The data are packed, and are damaged, of a kind that cannot be unpacked here, or a trap."""

    code = "cannot-unpack"


class Sink(Protocol):
    """Where bytes go that pass the door: a store, or several at once."""

    async def put(self, key: str, chunks: AsyncIterator[Chunk], size_hint: int | None = None) -> Stat:
        """What `Store.put` does: all or nothing."""
        ...


class Consumer(Protocol):
    """Is shown every byte on its way to the store: a digest, or the digest that a signature is about."""

    def update(self, data: Buffer, /) -> object:
        """Take the next bytes without keeping a reference to them.

        Called in order and one call at a time, but on changing threads and never on the event loop's. What it
        raises refuses the image.
        """
        ...


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the bytes before they come. Sizes are in bytes; `size` is None when it was not announced.

    `checksum` (MD5) and `os_hash_value`, in hex, are what their digests must come to where that is known.
    """

    disk_format: str
    container_format: str
    formats: FormatSettings
    size_cap: int
    size: int | None = None
    hashing_algorithm: str = "sha512"
    checksum: str | None = None
    os_hash_value: str | None = None
    digests: tuple[str, ...] = ()  # what is to be computed beside, by hashlib's names: what a signature is about


class Ingested(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the bytes now that the store holds them. `checksum` (MD5) and `os_hash_value` are in hex.

    `detected_format` is None when the container is not one that is inspected; `facts` are what the content says of
    itself, as image properties. `digests` are all that were computed, in hex by hashlib's names, and the quick one.
    """

    size: int
    checksum: str
    os_hash_algo: str
    os_hash_value: str
    virtual_size: int | None
    detected_format: str | None
    digests: Mapping[str, str] = {}
    facts: Mapping[str, str] = {}
