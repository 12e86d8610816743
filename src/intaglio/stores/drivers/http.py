"""A store on other people's web servers: what a location's URL leads to is read there, and never written or removed.

Every request goes through the one fetcher, which vets the URL, each redirect and each address, and tells bytes that
are missing from bytes that came.
"""

import contextlib
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Self

from intaglio.outbound.base import Download, Fetcher, FetchFailed, FetchRefused, FetchTooLarge, OutsideFile, Wanted
from intaglio.outbound.settings import OutboundSettings
from intaglio.outbound.urls import LONGEST
from intaglio.stores.base import (
    Abilities,
    Broken,
    Busy,
    Chunk,
    Denied,
    NotFound,
    OutOfRange,
    Stat,
    StoreError,
    Unsupported,
    checked_key,
)

MakeFetcher = Callable[[OutboundSettings], Fetcher]

_SCHEMES = ("http", "https")
_PIECE = 1 << 20
_NO_CAP = (1 << 63) - 1  # bytes; what an image may have is not a store's business
_GONE = {404, 410}
_CLOSED = {401, 403, 407}


class UrlKey(str):
    """The key of what lies at a URL: a name that can be shown, with the URL, which can hold a password, beside it.

    Such a key lives in this process only: what is kept in a database is the location, from which `adopt` makes it
    again. As plain text it names nothing.
    """

    __slots__ = ("url",)
    url: str

    def __new__(cls, url: str) -> Self:
        """The key of this URL; of the same URL it is the same."""
        key = super().__new__(cls, f"url-{hashlib.sha256(url.encode()).hexdigest()}")
        key.url = url
        return key


class HttpStore:
    """See `intaglio.stores.base.Store`. `settings` are the rules by which URLs are fetched, and whom to trust."""

    def __init__(self, store: str, settings: OutboundSettings, fetcher: MakeFetcher) -> None:
        """`fetcher` is called when something is fetched for the first time: what it loads takes a while."""
        self.abilities = Abilities(write=False, owned=False)
        self._id = store
        self._settings = settings
        self._make = fetcher
        self._made: Fetcher | None = None

    async def prepare(self) -> None:
        """There is nothing to make."""

    async def put(self, key: str, chunks: AsyncIterator[Chunk], size_hint: int | None = None) -> Stat:  # noqa: ARG002 - the contract's signature
        """Nothing is written to other people's servers."""
        raise Unsupported(f"store {self._id!r} (type http) is read-only, so {checked_key(key)} cannot be written")

    async def open(self, key: str, offset: int = 0, length: int | None = None) -> AsyncGenerator[bytes, None]:
        """The bytes by a range; from a server that knows none, by reading over what comes before them."""
        if offset < 0 or (length is not None and length < 0):
            raise OutOfRange(f"store {self._id!r}: there are no bytes {offset} to {offset + (length or 0)}")
        if length == 0:
            await self._require_inside(key, offset)
            return
        end = None if length is None else offset + length
        try:
            async with self._part(key, offset, length) as source, contextlib.aclosing(source.pieces()) as pieces:
                self._require_within(source.facts.size, offset, end)
                async for piece in _between(pieces, source.offset, offset, end):
                    for begin in range(0, len(piece), _PIECE):
                        yield piece[begin : begin + _PIECE]
        except OutsideFile as outside:
            if (offset, end) == (outside.size, None):
                return
            raise self._outside(offset, end) from outside

    async def stat(self, key: str) -> Stat:
        """The size, which is asked for with the first byte: not every server that gives a file answers HEAD."""
        try:
            async with self._part(key, 0, 1) as source:
                size = source.facts.size
        except OutsideFile as outside:
            size = outside.size
        if size is None:
            raise Broken(f"store {self._id!r}: the web server does not say how long the file is")
        return Stat(key=key, size=size)

    async def delete(self, key: str) -> None:
        """What lies on other people's servers is not removed."""
        self._url(key)
        raise Unsupported(f"store {self._id!r} (type http) is read-only, so {key} stays where it is")

    async def list(self, prefix: str = "") -> AsyncGenerator[Stat, None]:  # noqa: ARG002 - the contract's signature
        """Nothing here is this service's own."""
        none: tuple[Stat, ...] = ()
        for stat in none:
            yield stat

    async def sweep(self) -> int:
        """Nothing is ever left unfinished."""
        return 0

    def uri(self, key: str) -> str:
        """The URL itself."""
        return self._url(key)

    def metadata(self, key: str) -> Mapping[str, str]:  # noqa: ARG002 - the contract's signature
        """Nothing."""
        return {}

    def adopt(self, uri: str) -> str:
        """The key of any URL of the web; whether it may be fetched is found out when it is."""
        scheme, found, rest = uri.partition("://")
        if not found or scheme.lower() not in _SCHEMES or not rest or len(uri) > LONGEST:
            raise NotFound(f"the location is not of store {self._id!r}")
        return UrlKey(uri)

    async def path(self, key: str) -> Path:
        """There are no files."""
        raise Unsupported(f"store {self._id!r} (type http) has no files, so none for {checked_key(key)}")

    async def direct_url(self, key: str, ttl: int) -> str:  # noqa: ARG002 - the contract's signature
        """The URL can hold a password, and signs nothing."""
        raise Unsupported(f"store {self._id!r} (type http) has no direct URLs, so none for {checked_key(key)}")

    async def check(self) -> None:
        """It is as healthy as the web, which nobody can ask."""

    async def close(self) -> None:
        """Nothing is kept open."""

    def _url(self, key: str) -> str:
        if not isinstance(key, UrlKey):
            raise NotFound(f"store {self._id!r} has no object {checked_key(key)}")
        return key.url

    @contextlib.asynccontextmanager
    async def _part(self, key: str, offset: int, length: int | None) -> AsyncIterator[Download]:
        wanted = Wanted(url=self._url(key), size_cap=_NO_CAP)
        if self._made is None:
            self._made = self._make(self._settings)
        with self._explained():
            async with self._made.part(wanted, offset, length) as source:
                yield source

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OutsideFile:
            raise
        except (FetchFailed, FetchRefused, FetchTooLarge) as error:
            raise _meaning(error)(f"store {self._id!r}: {error}") from error

    async def _require_inside(self, key: str, offset: int) -> None:
        self._require_within((await self.stat(key)).size, offset, offset)

    def _require_within(self, size: int | None, offset: int, end: int | None) -> None:
        if size is None:
            raise Broken(f"store {self._id!r}: the web server does not say how long the file is")
        if offset > size or (end is not None and end > size):
            raise self._outside(offset, end)

    def _outside(self, offset: int, end: int | None) -> OutOfRange:
        last = "the end" if end is None else str(end)
        return OutOfRange(f"store {self._id!r}: bytes {offset} to {last} do not lie in the file")


def _meaning(error: Exception) -> type[StoreError]:
    """Which of a store's errors it is that fetching failed."""
    if isinstance(error, FetchRefused):
        return Denied
    if not isinstance(error, FetchFailed):
        return Broken
    if error.status in _GONE:
        return NotFound
    if error.status in _CLOSED:
        return Denied
    return Busy if error.again else Broken


async def _between(pieces: AsyncIterator[bytes], at: int, offset: int, end: int | None) -> AsyncGenerator[bytes, None]:
    """The bytes [offset, end) of a stream whose first byte is number `at`."""
    async for piece in pieces:
        first, at = at, at + len(piece)
        wanted = piece[max(0, offset - first) : None if end is None else max(0, end - first)]
        if wanted:
            yield wanted
        if end is not None and at >= end:
            return
