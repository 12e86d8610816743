"""Keystone's unified limits as a source of quotas: asked rarely, remembered for a short while."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Protocol

from intaglio.base.errors import Unavailable
from intaglio.domain.quota import UNIFIED, UNLIMITED, Limits

_log = logging.getLogger(__name__)

FRESH_SECONDS = 30.0  # a changed limit takes effect within this time
STALE_SECONDS = 600.0  # so long what was known holds while Keystone does not answer
_REMEMBERED = 4096  # projects


class LimitReader(Protocol):
    """Who asks Keystone; called in threads."""

    def read(self, project_id: str) -> Mapping[str, int]:
        """The limits of a project by name, registered ones where it has none of its own. Raises `Unavailable`."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...


class KeystoneLimits:
    """A `LimitSource`. A limit that Keystone has not registered is 0, as for every OpenStack service; -1 is none."""

    enforced = True

    def __init__(self, reader: LimitReader, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._reader = reader
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, Limits]] = OrderedDict()
        self._asking: dict[str, asyncio.Task[Limits]] = {}

    async def of(self, project_id: str) -> Limits:
        if not project_id:
            return UNLIMITED
        known = self._known.get(project_id)
        if known is not None and self._clock() - known[0] < FRESH_SECONDS:
            return known[1]
        asking = self._asking.get(project_id)
        if asking is None:
            asking = asyncio.get_running_loop().create_task(self._ask(project_id))
            self._asking[project_id] = asking
            asking.add_done_callback(lambda task: self._answered(project_id, task))
        try:
            return await asyncio.shield(asking)  # a caller who leaves must not take the answer from the others
        except Unavailable as error:
            if known is None or self._clock() - known[0] > STALE_SECONDS:
                raise
            _log.warning("the limits of project %s are those of a while ago: %s", project_id, error)
            return known[1]

    async def close(self) -> None:
        await asyncio.to_thread(self._reader.close)

    def _answered(self, project_id: str, task: asyncio.Task[Limits]) -> None:
        self._asking.pop(project_id, None)
        if not task.cancelled():
            task.exception()  # looked at, so that nobody complains when all who waited have left

    async def _ask(self, project_id: str) -> Limits:
        found = await asyncio.to_thread(self._reader.read, project_id)
        limits = Limits(**{resource: _bytes(found.get(name, 0), unit) for name, (resource, unit) in UNIFIED.items()})
        self._known[project_id] = (self._clock(), limits)
        self._known.move_to_end(project_id)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return limits


def _bytes(limit: int, unit: int) -> int | None:
    return None if limit < 0 else limit * unit
