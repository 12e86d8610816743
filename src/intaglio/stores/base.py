"""The contract every store driver keeps. Drivers do not hash, retry, count, time or know of images.

`intaglio.stores.conformance` is this contract as a test suite.
"""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from intaglio.base.errors import IntaglioError

Buffer = bytes | bytearray | memoryview
Chunk = Sequence[Buffer]
"""One piece of a stream as a list of buffers, so that nothing need be joined to be written (writev(2)).

The buffers belong to the producer again as soon as the consumer asks for the next chunk.
"""


class StoreError(IntaglioError):
    """Base of the only errors that leave a store; no SDK error and no OSError ever does."""

    code = "store-error"


class NotFound(StoreError):
    """No object has this key."""

    code = "store-object-not-found"


class Exists(StoreError):
    """An object with this key is there already; it was not touched."""

    code = "store-object-exists"


class OutOfRange(StoreError):
    """The range asked for does not lie inside the object."""

    code = "store-out-of-range"


class Denied(StoreError):
    """The store refuses: permissions, read-only medium, wrong credentials."""

    code = "store-denied"


class Full(StoreError):
    """No space, or a quota of the store is used up."""

    code = "store-full"


class Busy(StoreError):
    """The store cannot answer now. The only error worth a retry."""

    code = "store-busy"


class Broken(StoreError):
    """The store failed (I/O error, protocol violation); a person should look."""

    code = "store-broken"


class Abilities(msgspec.Struct, frozen=True):
    """What a driver can do beyond the minimum; a conformance test it lacks the ability for is skipped by name."""

    write: bool = True
    ranges: bool = True
    local_path: bool = False
    sparse: bool = False
    direct_url: bool = False


class Stat(msgspec.Struct, frozen=True):
    """Facts about one object. `size` is its logical length in bytes."""

    key: str
    size: int


class Store(Protocol):
    """About ten methods, all coroutines that never block the event loop."""

    abilities: Abilities

    async def put(self, key: str, chunks: AsyncIterator[Chunk], size_hint: int | None = None) -> Stat:
        """Write a new object from `chunks`, of any length; `size_hint` (bytes) may be wrong or None.

        Create-only and atomic. After success the whole object is durable and readable. After any failure,
        an exception out of `chunks`, or cancellation, no object has the key and no space is used. Nothing is readable
        under the key before `chunks` is exhausted: raising from `chunks` is how a producer refuses its own bytes.
        Raises `Exists` (the present object is untouched), `Full`, `Denied`, `Busy`, `Broken`.
        """
        ...

    def open(self, key: str, offset: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The bytes [offset, offset+length) (to the end when `length` is None), in pieces of at most 1 MiB.

        Never yields fewer bytes than asked: raises `OutOfRange` before the first byte when the range does not lie
        inside the object, `NotFound` when it is absent, `Broken` when it ends early. offset == size yields nothing.
        Closing the iterator early releases everything it held.
        """
        ...

    async def stat(self, key: str) -> Stat:
        """The object's size. Raises `NotFound`."""
        ...

    async def delete(self, key: str) -> None:
        """Remove the object; when this returns no new reader finds it. Raises `NotFound` when it is absent."""
        ...

    def list(self, prefix: str = "") -> AsyncIterator[Stat]:
        """Every finished object whose key starts with `prefix`, in no order. Unfinished ones are not listed."""
        ...

    async def sweep(self) -> int:
        """Remove what writers that died left unfinished, and only that; the number removed."""
        ...

    def uri(self, key: str) -> str:
        """The location URI recorded for the object, in the form Glance's driver of this type writes."""
        ...

    def adopt(self, uri: str) -> str:
        """The key of the object a location URI names. Raises `NotFound` when it is not of this store."""
        ...

    async def path(self, key: str) -> Path:
        """The object as a local file, for sendfile. Needs `abilities.local_path`. Raises `NotFound`."""
        ...

    async def direct_url(self, key: str, ttl: int) -> str:
        """A URL that reads the object without this service for `ttl` seconds (`abilities.direct_url`)."""
        ...

    async def check(self) -> None:
        """Raise the `StoreError` that using the store would meet now; return when it is healthy. Takes under 5 s."""
        ...

    async def close(self) -> None:
        """Release connections and threads. The store is not used afterwards."""
        ...
