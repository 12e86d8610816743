"""Feeding the same stream to several consumers at once, off the event loop, never far ahead of the slowest."""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Executor

from intaglio.ingest.base import Consumer
from intaglio.stores.base import Chunk

BACKLOG = 1 << 20
"""Bytes of one stream that may wait for its slowest consumer before the source is asked for more."""


class Lanes:
    """The consumers of one stream, a lane for each: in order within a lane, lanes in parallel.

    A lane occupies a thread of `pool` only while it has something to do, so a pool of a few threads serves any number
    of streams. Nothing here is called for each buffer on the event loop, and the loop is woken only when it waits.
    """

    def __init__(self, pool: Executor, consumers: Iterable[Consumer]) -> None:
        self._loop = asyncio.get_running_loop()
        self._lanes = [_Lane(pool, each, self) for each in consumers]
        self._given = 0
        self._awaited = 0
        self._waiter: asyncio.Future[None] | None = None

    def put(self, chunk: Chunk, size: int) -> None:
        """Give all consumers `chunk`, whose buffers hold `size` bytes and must not change until `room` was awaited."""
        self._given += size
        for lane in self._lanes:
            lane.put(chunk, size)

    async def room(self) -> None:
        """Wait until no more than `BACKLOG` bytes are waiting for any consumer. Raises what a consumer raised."""
        await self._until(self._given - BACKLOG)

    async def drained(self) -> None:
        """Wait until every consumer has taken everything. Raises what a consumer raised."""
        await self._until(self._given)

    def abandon(self) -> None:
        """Drop what waits; a consumer gets nothing more after the buffer it is busy with."""
        self._waiter = None
        for lane in self._lanes:
            lane.abandon()

    async def _until(self, taken: int) -> None:
        if self._taken() < taken:
            self._awaited = taken
            self._waiter = waiter = self._loop.create_future()
            if self._taken() < taken:  # asked again: a lane that advanced meanwhile saw no waiter
                await waiter
            self._waiter = None
        for lane in self._lanes:
            if lane.error is not None:
                raise lane.error

    def _taken(self) -> int:
        """Bytes that all have taken; everything once one has failed, which ends the stream."""
        if any(lane.error is not None for lane in self._lanes):
            return self._given
        return min((lane.taken for lane in self._lanes), default=self._given)

    def advanced(self) -> None:
        """Called by a lane on its thread when it has taken a chunk."""
        waiter = self._waiter
        if waiter is not None and self._taken() >= self._awaited:
            with contextlib.suppress(RuntimeError):  # the loop was closed on the waiting stream: nobody waits
                self._loop.call_soon_threadsafe(_wake, waiter)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


class _Lane:
    def __init__(self, pool: Executor, consumer: Consumer, lanes: Lanes) -> None:
        self._pool = pool
        self._consumer = consumer
        self._lanes = lanes
        self._waiting: deque[tuple[Chunk, int]] = deque()
        self._busy = False
        self._lock = threading.Lock()
        self.taken = 0
        self.error: BaseException | None = None

    def put(self, chunk: Chunk, size: int) -> None:
        with self._lock:
            self._waiting.append((chunk, size))
            if self._busy:
                return
            self._busy = True
        self._pool.submit(self._run)

    def abandon(self) -> None:
        with self._lock:
            self._waiting.clear()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._busy = False
                    return
                chunk, size = self._waiting.popleft()
            try:
                for buffer in chunk:
                    self._consumer.update(buffer)
            except BaseException as error:  # noqa: BLE001 - raised again where the stream is waited for
                self.error = error
                self.abandon()
            self.taken += size
            del chunk  # or its memory would be held while waiting for the next
            self._lanes.advanced()
