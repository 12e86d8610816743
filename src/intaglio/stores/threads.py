"""Blocking calls of one store, on threads of its own: bounded in number and in the time anybody waits for one.

A call that hangs in the kernel cannot be taken back. It keeps its thread; it never keeps the event loop, another
store, or the end of the process (the threads are daemons, unlike those of concurrent.futures).
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from queue import SimpleQueue
from typing import Any, TypeVar, TypeVarTuple

import anyio

from intaglio.stores.base import Busy

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_PATIENCE = 10.0  # seconds a closing caller waits for a call under way

_Job = tuple[asyncio.AbstractEventLoop, "asyncio.Future[Any]", Callable[..., Any], tuple[Any, ...]]


class Threads:
    """At most `size` threads; a caller waits at most `limit` seconds for one call, then meets `Busy`."""

    def __init__(self, store: str, size: int, limit: float) -> None:
        self.store = store
        self.limit = limit
        self._size = size
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._begun: dict[int, float] = {}
        self._unfinished = 0

    def submit(self, call: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """Start `call` as soon as a thread is free. Cancelling the future before that keeps it from starting.

        Raises `Busy` at once when every thread has been stuck for longer than the limit.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        with self._lock:
            if self._unfinished >= self._size and self._all_stuck():
                raise self._too_slow()
            self._unfinished += 1
            if self._unfinished > len(self._threads) and len(self._threads) < self._size:
                self._spawn()
        self._jobs.put((loop, future, call, args))
        return future

    async def run(self, call: Callable[[*Ts], T], *args: *Ts) -> T:
        """The result of `call`. When the caller is cancelled or out of time a call that began still runs on."""
        return await self.wait(self.submit(call, *args))

    async def wait(self, future: Awaitable[T]) -> T:
        """The result of a submitted call, or `Busy` when the limit passes first."""
        try:
            async with asyncio.timeout(self.limit):
                return await future
        except TimeoutError as error:
            raise self._too_slow() from error

    async def close(self) -> None:
        """End the threads that answer; those that hang stay until the kernel lets them go."""
        with self._lock:
            threads, self._threads = self._threads, []
        for _ in threads:
            self._jobs.put(None)
        end = time.monotonic() + min(self.limit, _PATIENCE)
        while any(thread.is_alive() for thread in threads) and time.monotonic() < end:  # noqa: ASYNC110 - a thread is not awaitable
            await asyncio.sleep(0.001)

    def _all_stuck(self) -> bool:
        since = time.monotonic() - self.limit
        return len(self._begun) >= self._size and all(begun < since for begun in list(self._begun.values()))

    def _too_slow(self) -> Busy:
        return Busy(f"store {self.store!r} did not answer within {self.limit:g} s")

    def _spawn(self) -> None:
        thread = threading.Thread(target=self._work, name=f"store-{self.store}-{len(self._threads)}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        me = threading.get_ident()
        while (job := self._jobs.get()) is not None:
            loop, future, call, args = job
            if not future.cancelled():
                self._begun[me] = time.monotonic()
                result, error = _outcome(call, args)
                del self._begun[me]
                with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
                    loop.call_soon_threadsafe(_settle, future, result, error)
            with self._lock:
                self._unfinished -= 1
            del job, loop, future, call, args  # hold no buffers while idle
            result = error = None


def _outcome(call: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Any, BaseException | None]:
    try:
        return call(*args), None
    except BaseException as error:  # noqa: BLE001 - it is raised again where the caller waits
        return None, error


def _settle(future: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
    if future.cancelled():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
        future.exception()  # a read-ahead nobody waits for is no reason for a warning


class _Left(Exception):
    """The caller has left before its call began; nobody sees this."""


class Held:
    """Something calls work on (a file, an image), released exactly once, in a thread, while no call uses it.

    That holds when the caller is cancelled or gives up waiting in the middle of a call, too.
    """

    def __init__(self, threads: Threads, release: Callable[[], None]) -> None:
        self._threads = threads
        self._release = release
        self._lock = threading.Lock()
        self._busy = 0
        self._closing = False
        self._released = self._finished = False
        self._told: Callable[[], object] | None = None

    def submit(self, call: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """Start `call`. Where the thing takes one call at a time, the one before must have ended."""
        return self._threads.submit(self._guarded, call, args)

    async def run(self, call: Callable[[*Ts], T], *args: *Ts) -> T:
        """The result of `call`. Raises `Busy` when it takes longer than the limit."""
        return await self._threads.wait(self.submit(call, *args))

    def _abandon(self) -> None:
        """Release as soon as no call runs, without waiting for it."""
        with self._lock:
            self._closing = True
            due = not self._busy
        if due:
            with contextlib.suppress(Busy):  # every thread hangs: so would the release
                self._threads.submit(self._release_once)

    async def close(self) -> None:
        """Release, and wait a while for it, whatever is cancelled meanwhile; after a hang it happens by itself."""
        loop = asyncio.get_running_loop()
        done = asyncio.Event()

        def tell() -> None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(done.set)

        with self._lock:
            if self._finished:
                return
            self._told = tell
        self._abandon()
        await uncancelled(self._wait(done))

    async def _wait(self, done: asyncio.Event) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(self._threads.limit, _PATIENCE)):
                await done.wait()

    def _guarded(self, call: Callable[..., T], args: tuple[Any, ...]) -> T:
        self._begin()
        try:
            return call(*args)
        finally:
            self._end()

    def _begin(self) -> None:
        with self._lock:
            if self._closing:
                raise _Left
            self._busy += 1

    def _end(self) -> None:
        with self._lock:
            self._busy -= 1
            due = self._closing and not self._busy
        if due:
            self._release_once()

    def _release_once(self) -> None:
        with self._lock:
            if self._released:
                return
            self._released = True
        try:
            self._release()
        finally:
            with self._lock:
                self._finished, told = True, self._told
            if told is not None:
                told()


async def uncancelled(work: Coroutine[Any, Any, T]) -> T:
    """Finish `work` even when the caller is cancelled meanwhile; then the cancellation goes on."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        with anyio.CancelScope(shield=True):  # anyio's scopes cancel again at every await
            while not task.done():
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait([task])
        raise
