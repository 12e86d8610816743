"""Remembers for a while what Keystone said of tokens, and asks only once when many requests bring the same one.

A token is kept as a digest under a key of this process: what is in memory is worth nothing to who reads it.
"""

import asyncio
import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from intaglio.base.errors import Unavailable
from intaglio.domain.principal import Principal
from intaglio.identity.tokens import Token

REMEMBERED = 10_000  # tokens: about 15 MB
REFUSED_REMEMBERED = 10_000  # those that Keystone did not know, kept apart: a flood of them displaces no good one
REFUSED_SECONDS = 5.0  # short, because a token may be younger than what the Keystone that was asked had heard of
WAITING = 512  # tokens being asked about at one time; a flood of invented ones must not grow without bound

K = TypeVar("K")
V = TypeVar("V")

Ask = Callable[[str, bool], Awaitable[Token | None]]


class TooManyTokens(Unavailable):
    """More tokens wait to be validated than this service takes on."""

    code = "token-check-busy"


class Known(msgspec.Struct, frozen=True):
    """A token that Keystone knew, and the principal that follows from it."""

    token: Token
    principal: Principal


class TokenCache:
    """What `ask` answered to (token, whether an expired one counts), kept for `seconds`; None: no such token.

    With no seconds nothing is kept, and requests at the same time still share one answer. What `ask` raises is raised
    to all who wait for it and is not kept.
    """

    def __init__(self, ask: Ask, *, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._seconds = seconds
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, tuple[float, Known]] = OrderedDict()
        self._refused: OrderedDict[tuple[bytes, bool], float] = OrderedDict()
        self._running: dict[tuple[bytes, bool], asyncio.Task[Known | None]] = {}

    async def get(self, token: str, *, allow_expired: bool) -> Known | None:
        """What is known of a token. Its expiry is for the caller to look at: it may lie between then and now."""
        digest = hashlib.blake2b(token.encode("utf-8", "surrogatepass"), key=self._key, digest_size=32).digest()
        kept = self._known.get(digest)
        if kept is not None and self._clock() < kept[0]:
            self._known.move_to_end(digest)
            return kept[1]
        key = (digest, allow_expired)
        until = self._refused.get(key)
        if until is not None and self._clock() < until:
            return None
        # Shielded: a caller who leaves must not take the answer from the others who wait for it.
        return await asyncio.shield(self._running.get(key) or self._start(key, token))

    async def close(self) -> None:
        """Give up what is being asked."""
        running = tuple(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _start(self, key: tuple[bytes, bool], token: str) -> asyncio.Task[Known | None]:
        if len(self._running) >= WAITING:
            raise TooManyTokens("Too many tokens are being checked at this moment; please try again.")
        task = asyncio.get_running_loop().create_task(self._find(key, token))
        self._running[key] = task

        def finished(done: asyncio.Task[Known | None]) -> None:
            self._running.pop(key, None)
            if not done.cancelled():
                done.exception()  # looked at, so that nobody complains when all who waited have left

        task.add_done_callback(finished)
        return task

    async def _find(self, key: tuple[bytes, bool], token: str) -> Known | None:
        digest, allow_expired = key
        found = await self._ask(token, allow_expired)
        self._known.pop(digest, None)
        if found is None:
            _remember(self._refused, key, self._clock() + min(REFUSED_SECONDS, self._seconds), REFUSED_REMEMBERED)
            return None
        known = Known(found, found.principal())
        if self._seconds > 0:
            _remember(self._known, digest, (self._clock() + self._seconds, known), REMEMBERED)
        return known


def _remember(kept: OrderedDict[K, V], key: K, value: V, most: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > most:
        kept.popitem(last=False)
