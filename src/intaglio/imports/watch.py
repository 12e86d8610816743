"""While a long step works: renewing its lease, recording its progress, and noticing that it is no longer wanted."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Coroutine
from typing import Any

from intaglio.base.clock import utcnow
from intaglio.base.errors import IntaglioError, Unavailable
from intaglio.db.base import Connection, T
from intaglio.db.repos import leases, tasks
from intaglio.db.repos.leases import Lease
from intaglio.domain.task import Progress
from intaglio.imports.base import Bench, ImportOvertaken, Job, lease_end, require_wanted

_log = logging.getLogger(__name__)

BEAT_SECONDS = 1.0
_MIB = 1 << 20


class Watched:
    """One long step at work."""

    def __init__(self, bench: Bench, job: Job, lease: Lease, step: str, total: int | None) -> None:
        self._bench = bench
        self._job = job
        self._lease = lease
        self._step = step
        self._total = total
        self._began = utcnow()
        self._done = 0
        self._skipped = 0
        self._error: str | None = None

    async def counted(self, pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """Pass on `pieces` and count their bytes; they are closed at the end."""
        async with contextlib.aclosing(pieces):
            async for piece in pieces:
                self._done += len(piece)
                yield piece

    def begin_again(self) -> None:
        """Count from nothing: another attempt begins."""
        self._done = 0
        self._began = utcnow()

    def note(self, error: IntaglioError) -> None:
        """Show in the progress why the attempt failed that another one follows."""
        self._error = str(error)

    def enter(self, step: str, total: int | None) -> None:
        """Another part of the work begins, with a count of its own."""
        self._step = step
        self.begin_at(0, total)

    def at(self, done: int) -> None:
        """Count `done` bytes in all."""
        self._done = done

    def begin_at(self, done: int, total: int | None) -> None:
        """Count from `done` of `total` bytes, for those before were there already."""
        self._done = self._skipped = done
        self._total = total
        self._began = utcnow()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do `work`, and cancel it within seconds when the image, the lease or the wish for it is gone.

        Raises what `work` raises, `ImageGone`, `ImportCancelled`, `ImportOvertaken`.
        """
        working = asyncio.ensure_future(work)
        beating = asyncio.ensure_future(self._beat())
        try:
            await asyncio.wait({working, beating}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                beating.result()  # raises: the beat never ends otherwise
            return await working
        finally:
            for each in (working, beating):
                each.cancel()
            await asyncio.gather(working, beating, return_exceptions=True)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            try:
                await self._bench.database.write(self._look)
            except Unavailable as error:
                _log.warning("task %s could not be looked after: %s", self._job.task_id, error)

    async def _look(self, conn: Connection) -> None:
        if not await leases.renew(conn, self._lease, lease_end()):
            raise ImportOvertaken("Another process took over the import.")
        await require_wanted(conn, self._job)
        progress = Progress(
            step=self._step,
            done=self._done,
            total=self._total,
            skipped=self._skipped,
            began_at=self._began,
            at=utcnow(),
            last_error=self._error,
        )
        await tasks.note(conn, self._job.task_id, progress, f"Copied {self._done // _MIB} MiB")
