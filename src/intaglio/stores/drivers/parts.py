"""The parts of one new object that are on their way at once, within the memory that a store's transfers share."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from intaglio.stores.drivers.budget import Budget


class Sending:
    """Up to `most` parts; one is always allowed, further ones as far as the budget goes."""

    def __init__(self, budget: Budget, most: int) -> None:
        self._budget = budget
        self._most = most
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, size: int, send: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Begin to `send` a part of `size` bytes, once there is room. Raises what hindered another."""
        ahead = await self._room_for(size)
        task = asyncio.create_task(send())
        task.add_done_callback(lambda _: self._budget.give(ahead))
        self._tasks.add(task)

    async def finish(self) -> None:
        """Wait until all have arrived. Raises what hindered one."""
        while self._tasks:
            await self._one()

    async def abandon(self) -> None:
        """Stop those on their way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _room_for(self, size: int) -> int:
        """What was taken from the budget."""
        while self._tasks:
            if len(self._tasks) < self._most and self._budget.take(size):
                return size
            await self._one()
        return 0

    async def _one(self) -> None:
        done, self._tasks = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for error in [task.exception() for task in done]:
            if error is not None:
                raise error
