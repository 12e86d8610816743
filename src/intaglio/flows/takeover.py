"""Notices workers that died and takes over their flows."""

import logging
import time
from collections.abc import Callable

from intaglio.base.clock import utcnow
from intaglio.base.process import is_dead
from intaglio.db.base import Connection, Database
from intaglio.db.repos import workers
from intaglio.flows.runtime import Runtime

_log = logging.getLogger(__name__)

SILENCE_SECONDS = 30.0  # a worker beats every few seconds; one that is silent this long is taken for dead


class Watch:
    """One worker's heartbeat, and its eye on the others.

    Silence is measured on this process's own clock, from when it saw a worker's count change last: machines whose
    clocks differ do not bury each other. A process of this machine that has ended is known at once.
    """

    def __init__(
        self, database: Database, runtime: Runtime, name: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._runtime = runtime
        self._name = name
        self._clock = clock
        self._seen: dict[str, tuple[int, float]] = {}

    async def beat(self) -> None:
        """Say that this worker lives."""

        async def work(conn: Connection) -> None:
            await workers.beat(conn, self._name, utcnow())

        await self._database.write(work)

    async def look(self) -> int:
        """Beat, and adopt the flows of those who do not any more; the number of flows."""
        await self.beat()
        adopted = 0
        for name in await self._dead():
            adopted += await self._runtime.adopt(name)

            async def work(conn: Connection, gone: str = name) -> None:
                await workers.strike(conn, gone)

            await self._database.write(work)
            self._seen.pop(name, None)
        return adopted

    async def leave(self) -> None:
        """Take this worker off the record: its flows may be adopted at once."""

        async def work(conn: Connection) -> None:
            await workers.strike(conn, self._name)

        await self._database.write(work)

    async def _dead(self) -> list[str]:
        counts = await self._database.read(workers.beats)
        now = self._clock()
        for name, count in counts.items():
            if name not in self._seen or self._seen[name][0] != count:
                self._seen[name] = (count, now)
        silent = {name for name in counts if now - self._seen[name][1] > SILENCE_SECONDS or is_dead(name)}
        # An owner without a record took itself off it, or was struck off before its last flow was adopted.
        unknown = await self._runtime.owners() - set(counts)
        dead = sorted((silent | unknown) - {self._name})
        for name in dead:
            _log.warning("worker %s is gone", name)
        return dead
