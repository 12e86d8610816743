"""The contract every store driver keeps. Drivers do not hash, retry, count, time or know of images.

`intaglio.stores.conformance` is this contract as a test suite.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import msgspec

from intaglio.base.errors import IntaglioError

Buffer = bytes | bytearray | memoryview
Chunk = Sequence[Buffer]
"""One piece of a stream as a list of buffers, so that nothing need be joined to be written (writev(2)).

The buffers belong to the producer again as soon as the consumer asks for the next chunk.
"""


_HOLES: Mapping[int, bytes] = {1 << bits: bytes(1 << bits) for bits in range(12, 21)}


def holes(length: int) -> Iterator[bytes]:
    """So many zero bytes that nobody ever wrote, in pieces of at most 1 MiB; see `is_hole`."""
    for size in sorted(_HOLES, reverse=True):
        for _ in range(length // size):
            yield _HOLES[size]
        length %= size
    if length:
        yield bytes(length)


def is_hole(buffer: Buffer) -> bool:
    """Whether the buffer is one of those that `holes` gives: known to be zeros that a sparse source never had.

    A store whose objects can have holes (`Abilities.holes`) leaves one there. Other zeros are data, which take space
    unless the operator wants thin objects.
    """
    return type(buffer) is bytes and _HOLES.get(len(buffer)) is buffer


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


class Unmounted(Broken):
    """The store's directory is missing or is not the one that was set up: its file system is probably not mounted."""

    code = "store-unmounted"


class InvalidKey(StoreError):
    """The key is not one a store accepts; see `checked_key`."""

    code = "store-invalid-key"


class Unsupported(StoreError):
    """The store lacks the ability this needs; `abilities` says so beforehand."""

    code = "store-unsupported"


class Misconfigured(StoreError):
    """The operator's options for a store are wrong. Raised while stores are built, never later."""

    code = "store-misconfigured"


KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,254}")


def checked_key(key: str) -> str:
    """The key itself, when every back end can hold it as it is: no slash, not hidden, at most 255 bytes, no escapes.

    Raises `InvalidKey`. Image ids, and ids with a suffix (`<id>.qcow2`), pass.
    """
    if KEY.fullmatch(key) is None:
        raise InvalidKey(
            f"{key!r:.80} cannot be a key: 1 to 255 of A-Z a-z 0-9 _ . - are allowed, not beginning with . or -"
        )
    return key


class Abilities(msgspec.Struct, frozen=True):
    """What a driver can do beyond the minimum; a conformance test it lacks the ability for is skipped by name."""

    write: bool = True
    ranges: bool = True
    local_path: bool = False  # `path` works
    sparse: bool = False  # blocks of zeros take no space
    direct_url: bool = False  # `direct_url` works
    owned: bool = True  # what it holds is this service's: it is listed, and removed with its image
    holes: bool = False  # what `is_hole` knows takes no space


class Stat(msgspec.Struct, frozen=True):
    """Facts about one object. `size` is its logical length in bytes.

    `key` is the object's key from now on: a back end that names objects itself answers `put` with its own.
    """

    key: str
    size: int
    modified: float | None = None  # seconds since the epoch; only a listing says it, and only where the back end does


class Store(Protocol):
    """About ten methods, all coroutines that never block the event loop. Every method may raise `Broken` and `Busy`."""

    abilities: Abilities

    async def prepare(self) -> None:
        """Make what writing needs and an operator expects to be made (a missing directory), at set-up or start only.

        Nothing else ever makes it: a share that is not mounted must not be written to. Safe to repeat.
        Raises the `StoreError` that using the store would meet.
        """
        ...

    async def put(self, key: str, chunks: AsyncIterator[Chunk], size_hint: int | None = None) -> Stat:
        """Write a new object from `chunks`, of any length; `size_hint` (bytes) may be wrong or None.

        Create-only and atomic. After success the whole object is durable and readable. After any failure,
        an exception out of `chunks` (which passes unchanged), or cancellation, no object has the key and no space is
        used. Nothing is readable under the key before `chunks` is exhausted: raising from `chunks` is how a producer
        refuses its own bytes. The store does not close `chunks`: it stays the caller's.
        Raises `Exists` (the present object is untouched), `InvalidKey`, `Full`, `Denied`, `Busy`, `Broken`.
        """
        ...

    def open(self, key: str, offset: int = 0, length: int | None = None) -> AsyncGenerator[bytes, None]:
        """The bytes [offset, offset+length) (to the end when `length` is None), in pieces of at most 1 MiB.

        Never yields fewer bytes than asked: raises `OutOfRange` before the first byte when the range does not lie
        inside the object, `NotFound` when it is absent, `Broken` when it ends early. offset == size yields nothing.
        A reader that began reads to the end even when the object is deleted meanwhile, where the back end can;
        otherwise it meets `NotFound`, never other bytes.
        A reader that leaves early calls `aclose()`, which releases everything it held (`contextlib.aclosing`).
        """
        ...

    async def stat(self, key: str) -> Stat:
        """The object's size. Raises `NotFound`."""
        ...

    async def delete(self, key: str) -> None:
        """Remove the object; when this returns no new reader finds it. Raises `NotFound` when it is absent.

        Also removes what dead writers left unfinished under this key, whether there is an object or not: whoever may
        delete a key knows that nobody is writing it now.
        """
        ...

    def list(self, prefix: str = "") -> AsyncGenerator[Stat, None]:
        """Every finished object whose key starts with `prefix`, in no order. Unfinished ones are not listed.

        Objects that appear or vanish meanwhile may or may not be in it.
        """
        ...

    async def sweep(self) -> int:
        """Remove what writers that died left unfinished, and only that; the number removed."""
        ...

    def uri(self, key: str) -> str:
        """The location URI to record for the object, in the form Glance's driver of this type writes.

        For a key this store object put, looked at or adopted. Raises `NotFound` when a store of several places
        (directories) cannot tell from that where the object is.
        """
        ...

    def metadata(self, key: str) -> Mapping[str, str]:
        """What to record beside the URI besides `store`, as Glance's driver does; for the same keys as `uri`."""
        ...

    def adopt(self, uri: str) -> str:
        """The key of the object a location URI names, by its form alone.

        In a store that is not `owned` it leads to the object in this process only; a database keeps the URI.

        Raises `NotFound` when it is not of this store; its text does not repeat the URI, which may hold credentials.
        """
        ...

    async def path(self, key: str) -> Path:
        """The object as a local file, for sendfile. Needs `abilities.local_path`. Raises `NotFound`, `Unsupported`."""
        ...

    async def direct_url(self, key: str, ttl: int) -> str:
        """A URL that reads the object without this service for `ttl` seconds. Needs `abilities.direct_url`.

        Raises `NotFound`, `Unsupported`.
        """
        ...

    async def check(self) -> None:
        """Raise the `StoreError` that using the store would meet now; return when it is healthy. Takes under 5 s."""
        ...

    async def close(self) -> None:
        """Release connections and threads. The store is not used afterwards."""
        ...


@runtime_checkable
class Attributed(Protocol):
    """A store whose back end other services look at, and want to know there whose an object is."""

    async def attribute(self, key: str, owner: str) -> None:
        """Record which project the object is of. Raises the `StoreError` met; the object is as good without it."""
        ...


@runtime_checkable
class Marked(Protocol):
    """A store whose places can vanish and leave an empty directory behind: a mark in each says that it is there."""

    def places(self) -> Sequence[str]:
        """The places, as the operator wrote them."""
        ...

    async def marks(self) -> Mapping[str, str | None]:
        """The identity that each place has now, None where there is no mark. Raises `Unmounted`, `Broken`, `Busy`."""
        ...

    async def mark(self, place: str, identity: str, *, anew: bool = False) -> str:
        """Give a place a mark, unless it has one, which `anew` replaces; the identity that it has then.

        The place itself is made when it is missing: this is its set-up.

        Raises the `StoreError` met.
        """
        ...

    def require_marks(self, expected: Mapping[str, str | None]) -> None:
        """From now on a place is written to, and believed about what is not in it, only while it has its mark.

        None stands for a place that nobody could set up yet.
        """
        ...


OwnerOf = Callable[[str], Awaitable[str | None]]
"""The project that the object of a key belongs to; None for nobody's."""


@runtime_checkable
class Tenanted(Protocol):
    """A store that keeps objects apart by the projects they belong to, and lets others read them where they are."""

    def owners(self, owner_of: OwnerOf) -> None:
        """From now on new objects, and those of keys that no location told, are where `owner_of` says."""
        ...

    async def share(self, key: str, readers: Sequence[str] | None) -> None:
        """Let these projects, beside its owner, read the object without this service; everybody for None.

        What was allowed before is not any more. Raises `NotFound`, and what using the store raises.
        """
        ...


class Space(msgspec.Struct, frozen=True):
    """How much a store could hold and how much more it would take now, in bytes; `most` as one object."""

    size: int
    free: int
    most: int


@runtime_checkable
class Spacious(Protocol):
    """A store that knows how much room there is."""

    async def space(self) -> Space:
        """The room, of all its places together. Raises the `StoreError` met."""
        ...


@runtime_checkable
class Identified(Protocol):
    """A store whose back end gives each object names of its own, which another object of the same key does not have."""

    async def identify(self, key: str) -> Mapping[str, str]:
        """Those names, by what they are; nothing secret. Raises `NotFound`, and the `StoreError` met."""
        ...
