"""Where calls are counted for rate limits: in memory that the processes of one machine share, or in Redis.

The strategy is the sliding window counter of the library `limits`. Its own storage in memory belongs to one process,
and grows with the number of callers; ours is a table of fixed size in a file that every process maps.
"""

import fcntl
import hashlib
import logging
import mmap
import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import floor
from pathlib import Path
from typing import Any

from limits import RateLimitItemPerSecond
from limits.aio.storage import Storage
from limits.aio.storage.base import SlidingWindowCounterSupport
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError
from limits.storage import storage_from_string

from intaglio.api.settings import RateSettings

_log = logging.getLogger(__name__)

FAILURES = (StorageError, OSError)

_REDIS_SECONDS = 1.0  # to connect, and to answer; a request waits no longer for its count
_MAGIC = b"intaglio rates 1"
_KEY_BYTES = 16
_HEADER = 64
_SLOT = struct.Struct("<QQIId")  # hash of the key, number of the window, calls in the one before and in it, end of use
_EMPTY = (0, 0, 0, 0, 0.0)
_WAYS = 8  # slots that one key may lie in
BUCKETS = 8192
SLOTS = BUCKETS * _WAYS
"""Callers counted at one time: 65536, in two megabytes. Beyond, the one whose count is of least use is forgotten."""


def open_counts(settings: RateSettings) -> SlidingWindowCounterRateLimiter:
    """What counts, in the place that the settings name; nothing is connected yet."""
    storage: Any
    if settings.storage:
        wait = {"socket_timeout": _REDIS_SECONDS, "socket_connect_timeout": _REDIS_SECONDS}
        uri = f"async+{settings.storage}"
        storage = storage_from_string(
            uri, implementation="redispy", wrap_exceptions=True, key_prefix="intaglio", **wait
        )
    else:
        storage = SharedStorage(settings.file)
    return SlidingWindowCounterRateLimiter(storage)


def item(calls: int, seconds: int) -> RateLimitItemPerSecond:
    """`calls` in `seconds`, as the library sees it."""
    return RateLimitItemPerSecond(calls, seconds, namespace="rate")


async def close(counts: SlidingWindowCounterRateLimiter) -> None:
    """Release the file, or the connections."""
    storage: Any = counts.storage
    if isinstance(storage, SharedStorage):
        storage.close()
    else:
        await storage.bridge.storage.aclose()


class SharedStorage(Storage, SlidingWindowCounterSupport):
    """Counts in a file of fixed size, mapped by every process of the machine and locked bucket by bucket.

    A process that dies takes its lock with it. Keys are hashed with a secret of the file, so that nobody can choose one
    that meets another's; a key is forgotten early only when its bucket is full of others in use.
    """

    STORAGE_SCHEME = None  # it is made by its class, never by a URI

    def __init__(self, file: Path) -> None:
        super().__init__()
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        size = _HEADER + SLOTS * _SLOT.size
        with self._locked(0, _HEADER):
            if os.fstat(self._file).st_size != size or os.pread(self._file, len(_MAGIC), 0) != _MAGIC:
                os.ftruncate(self._file, 0)
                os.ftruncate(self._file, size)
                os.pwrite(self._file, _MAGIC + os.urandom(_KEY_BYTES), 0)
        self._memory = mmap.mmap(self._file, size)
        self._secret = self._memory[len(_MAGIC) : len(_MAGIC) + _KEY_BYTES]

    def close(self) -> None:
        """Let go of the file; what was counted stays in it."""
        self._memory.close()
        os.close(self._file)

    @property
    def base_exceptions(self) -> type[Exception]:
        return OSError

    async def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        now = time.time()
        with self._slot(key, expiry, now) as (place, before, current):
            if floor(before * _weight(expiry, now) + current) + amount > limit:
                return False
            self._write(place, key, expiry, now, before, current + amount)
            return True

    async def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        now = time.time()
        with self._slot(key, expiry, now) as (_place, before, current):
            left = _weight(expiry, now) * expiry  # of this window
            return before, left if before else 0.0, current, left + expiry

    async def clear_sliding_window(self, key: str, expiry: int) -> None:
        now = time.time()
        with self._slot(key, expiry, now) as (place, before, current):
            if before or current:
                _SLOT.pack_into(self._memory, place, *_EMPTY)

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """The library's counter in windows that do not slide."""
        now = time.time()
        with self._slot(key, expiry, now) as (place, before, current):
            self._write(place, key, expiry, now, before, current + amount)
            return current + amount

    async def get(self, key: str) -> int:
        return self._found(key)[0]

    async def get_expiry(self, key: str) -> float:
        return self._found(key)[1]

    async def check(self) -> bool:
        return not self._memory.closed

    async def reset(self) -> int | None:
        with self._locked(0, len(self._memory)):
            self._memory[_HEADER:] = bytes(len(self._memory) - _HEADER)
        return None

    async def clear(self, key: str) -> None:
        bucket, code = self._bucket(key)
        with self._locked(bucket, _WAYS * _SLOT.size):
            for place in _places(bucket):
                if _SLOT.unpack_from(self._memory, place)[0] == code:
                    _SLOT.pack_into(self._memory, place, *_EMPTY)

    def _found(self, key: str) -> tuple[int, float]:
        """The calls in the window of a key, and when that ends."""
        now = time.time()
        bucket, code = self._bucket(key)
        for place in _places(bucket):
            held, window, _before, current, ends = _SLOT.unpack_from(self._memory, place)
            if held == code and (seconds := ends / (window + 2)) and now < ends - seconds:
                return current, ends - seconds
        return 0, now

    @contextmanager
    def _slot(self, key: str, expiry: int, now: float) -> Iterator[tuple[int, int, int]]:
        """Where the key's counts stand, or would; the calls in the window before this one, and in this one."""
        bucket, code = self._bucket(key)
        wanted = int(now // expiry)
        with self._locked(bucket, _WAYS * _SLOT.size):
            free, oldest = bucket, float("inf")
            for place in _places(bucket):
                held, window, before, current, ends = _SLOT.unpack_from(self._memory, place)
                if held == code and ends > now:
                    yield (place, before, current) if window == wanted else (place, current, 0)
                    return
                if ends < oldest:
                    free, oldest = place, ends
            yield free, 0, 0

    def _write(self, place: int, key: str, expiry: int, now: float, before: int, current: int) -> None:
        window = int(now // expiry)
        code = self._bucket(key)[1]
        _SLOT.pack_into(self._memory, place, code, window, before, min(current, 0xFFFFFFFF), (window + 2.0) * expiry)

    def _bucket(self, key: str) -> tuple[int, int]:
        """The place of a key's bucket, and the key as a number other than 0."""
        digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), key=self._secret, digest_size=12).digest()
        number = int.from_bytes(digest[8:], "little") % BUCKETS
        return _HEADER + number * _WAYS * _SLOT.size, int.from_bytes(digest[:8], "little") or 1

    @contextmanager
    def _locked(self, start: int, length: int) -> Iterator[None]:
        # Held for microseconds: between processes, for within one everything happens on one thread.
        fcntl.lockf(self._file, fcntl.LOCK_EX, length, start)
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, length, start)


def _places(bucket: int) -> range:
    return range(bucket, bucket + _WAYS * _SLOT.size, _SLOT.size)


def _weight(expiry: int, now: float) -> float:
    """The part of this window that is still to come: so much the window before counts."""
    return 1 - (now / expiry) % 1
