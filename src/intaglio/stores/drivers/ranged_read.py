"""Reading one object over HTTP in ranges: the first as it comes, further ones ahead of a reader that keeps up."""

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from typing import Generic, Protocol, TypeVar

from intaglio.stores.base import Busy, NotFound, OutOfRange, StoreError
from intaglio.stores.drivers.budget import Budget
from intaglio.stores.drivers.web import Reply
from intaglio.stores.threads import uncancelled

MIB = 1024 * 1024
SEGMENT = 4 * MIB
"""Bytes asked for at once: few requests, and not much to hold when they come before they are wanted."""
AHEAD = 4
"""Segments that one reader may have coming, where the store's budget allows it."""
_PROVEN = MIB  # bytes that a reader must have taken before anything is fetched ahead for it
_PIECE = MIB
_DOING = "read an object"


R = TypeVar("R", bound=Reply)
R_co = TypeVar("R_co", bound=Reply, covariant=True)


class Source(Protocol[R_co]):
    """What a driver's client must be able to do."""

    @property
    def store(self) -> str:
        """The store's id."""
        ...

    def stream(
        self, doing: str, key: str, headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[tuple[R_co, AsyncIterator[bytes]]]:
        """GET an object: the answer without its body, and the body in pieces."""
        ...

    async def head(self, doing: str, key: str) -> R_co:
        """What is known of an object."""
        ...


Verify = Callable[[R, AsyncIterator[bytes]], AsyncIterator[bytes]]


class Reader(Generic[R]):
    """One reading of [offset, end). `close` must be awaited.

    `headers` go with every request. `verify` gets an object that came in one segment, whole, and passes on what is
    right.
    """

    def __init__(
        self,
        client: Source[R],
        budget: Budget,
        key: str,
        headers: Mapping[str, str] | None = None,
        verify: Verify[R] | None = None,
    ) -> None:
        self._client = client
        self._budget = budget
        self._key = key
        self._headers = dict(headers or {})
        self._verify = verify
        self._tag = ""
        self._end = 0
        self._next = 0  # where the next segment begins
        self._taken = 0
        self._ahead: deque[_Segment] = deque()

    async def read(
        self, offset: int, length: int | None, size: Callable[[], Awaitable[int]]
    ) -> AsyncGenerator[bytes, None]:
        """The bytes that `Store.open` is asked for, and then `close`; `size` is asked where no Range header can say it.

        Raises as `Store.open`, but `Absent` for an object that is not there.
        """
        if length is None or length <= 0 or offset < 0:
            found = await size()
            end = found if length is None else offset + length
            if not 0 <= offset <= end <= found:
                raise OutOfRange(f"bytes {offset} to {end} do not lie in object {self._key} of {found} bytes")
        else:
            end = offset + length
        try:
            async with contextlib.aclosing(self.pieces(offset, end)) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            await uncancelled(self.close())

    async def pieces(self, offset: int, end: int) -> AsyncGenerator[bytes, None]:
        """The bytes, in pieces of at most 1 MiB. Raises as `Store.open`, `OutOfRange` before the first piece."""
        self._next, self._end = offset, end
        while self._next < end or self._ahead:
            if self._ahead:
                segment = self._ahead[0]
                async with contextlib.aclosing(segment.pieces()) as pieces:
                    async for piece in pieces:
                        yield piece
                        self._look_ahead(piece)
                self._ahead.popleft()
                segment.release()
            else:
                begin, self._next = self._next, min(self._next + SEGMENT, end)
                async with contextlib.aclosing(self._fetch(begin, self._next)) as fetched:
                    async for piece in fetched:
                        yield piece
                        self._look_ahead(piece)

    async def close(self) -> None:
        """Stop what is still coming."""
        for segment in self._ahead:
            segment.task.cancel()
        for segment in self._ahead:
            await asyncio.gather(segment.task, return_exceptions=True)
            segment.release()
        self._ahead.clear()

    def _look_ahead(self, piece: bytes) -> None:
        """Ask for more while the reader keeps up: none waits for it already, and there is memory to spare."""
        self._taken += len(piece)
        while (
            self._taken >= _PROVEN
            and self._next < self._end
            and len(self._ahead) < AHEAD
            and not any(segment.waits for segment in self._ahead)
        ):
            length = min(SEGMENT, self._end - self._next)
            if not self._budget.take(length):
                return
            self._ahead.append(_Segment(self._fetch(self._next, self._next + length), self._budget, length))
            self._next += length

    async def _fetch(self, begin: int, end: int) -> AsyncGenerator[bytes, None]:
        """Exactly these bytes of the object as it was when the reading began."""
        headers = {**self._headers, "range": f"bytes={begin}-{end - 1}"}
        if self._tag:
            headers["if-match"] = self._tag
        position = begin
        async with self._client.stream(_DOING, self._key, headers) as (answer, body):
            self._check(answer, begin, end)
            whole = (begin, end) == (0, _total(answer))
            pieces = self._verify(answer, body) if self._verify is not None and whole else body
            try:
                async for piece in pieces:
                    for start in range(0, len(piece), _PIECE):
                        yield piece if len(piece) <= _PIECE else piece[start : start + _PIECE]
                    position += len(piece)
            except Busy as error:
                raise await self._why(error) from error
        if position != end:
            raise await self._why(Busy(f"store {self._client.store!r} could not {_DOING}: it ended too early"))

    def _check(self, answer: R, begin: int, end: int) -> None:
        """Whether the answer is about the bytes that were asked for."""
        total = _total(answer)
        if answer.status == HTTPStatus.PRECONDITION_FAILED:
            raise absent(self._client.store, self._key)
        if answer.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise OutOfRange(f"bytes {begin} to {end} do not lie in object {self._key}")
        if answer.status == HTTPStatus.NOT_FOUND:
            raise Absent
        if answer.status == HTTPStatus.OK and begin == 0 and answer.headers.get("content-length") == str(end):
            total = end  # it ignored the range, which was everything
        elif answer.status != HTTPStatus.PARTIAL_CONTENT or total is None:
            raise answer.error(self._client.store, _DOING)
        elif total < self._end:
            raise OutOfRange(f"bytes {begin} to {self._end} do not lie in object {self._key} of {total} bytes")
        self._tag = self._tag or answer.headers.get("etag", "")

    async def _why(self, error: Busy) -> StoreError:
        """An object that was deleted or replaced under the reader is gone; the connection may break over that."""
        answer = await self._client.head("look at an object", self._key)
        gone = answer.status == HTTPStatus.NOT_FOUND or (answer.fine and answer.headers.get("etag", "") != self._tag)
        return absent(self._client.store, self._key) if gone else error


class Absent(Exception):
    """404, of which a GET does not always tell whether the bucket, or container, is missing."""


class _Segment:
    """A range that is fetched before it is wanted."""

    def __init__(self, source: AsyncGenerator[bytes, None], budget: Budget, size: int) -> None:
        self._pieces: deque[bytes] = deque()
        self._arrived = asyncio.Event()
        self._budget = budget
        self._size = size
        self.task = asyncio.create_task(self._fill(source))

    @property
    def waits(self) -> bool:
        """Whether it is all here and nobody has begun to take it: the reader is the slower one."""
        return self.task.done() and sum(map(len, self._pieces)) == self._size

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """What comes, as soon as it is here. Raises what hindered it."""
        while True:
            while self._pieces:
                yield self._pieces.popleft()
            if self.task.done():
                self.task.result()
                return
            self._arrived.clear()
            await self._arrived.wait()

    def release(self) -> None:
        """Its memory is free again."""
        self._pieces.clear()
        self._budget.give(self._size)
        self._size = 0

    async def _fill(self, source: AsyncGenerator[bytes, None]) -> None:
        try:
            async with contextlib.aclosing(source):
                async for piece in source:
                    self._pieces.append(piece)
                    self._arrived.set()
        finally:
            asyncio.get_running_loop().call_soon(self._arrived.set)  # after the task is seen as done


def absent(store: str, key: str) -> NotFound:
    """No object has the key, or no longer the one that was read."""
    return NotFound(f"store {store!r} has no object {key}")


def _total(answer: Reply) -> int | None:
    found = re.fullmatch(r"bytes \d+-\d+/(\d+)", answer.headers.get("content-range", "").strip())
    return int(found[1]) if found else None
