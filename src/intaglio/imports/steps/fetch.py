"""Fetching what a user named into the staging store: continued after a crash, checked, and only then complete."""

import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

import msgspec
from msgspec.structs import replace

from intaglio.base.clock import utcnow
from intaglio.db.base import Connection
from intaglio.db.repos import images, tasks
from intaglio.db.repos.leases import Lease
from intaglio.domain.image import Image
from intaglio.flows.base import Json
from intaglio.imports import signed, staged
from intaglio.imports.base import Bench, ImageGone, Job, require_wanted, seize, undisturbed
from intaglio.imports.remote import look
from intaglio.imports.staged import Parts, Staged
from intaglio.imports.upstream import Expected, Proof, expected
from intaglio.imports.watch import Watched
from intaglio.outbound.base import Download, FetchFailed, Wanted
from intaglio.outbound.continuing import download
from intaglio.stores.base import Busy, NotFound
from intaglio.stores.settings import STAGING

_log = logging.getLogger(__name__)

PART = 64 << 20
"""Bytes of one part: what is fetched again, at most, after a crash."""

_ATTEMPTS = 3  # of which one that cannot be continued is from the start


class _Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be fetched, and what it has to be."""

    wanted: Wanted
    expected: Expected
    method: Mapping[str, str] = {}


async def from_source(bench: Bench, job: Job) -> Json:
    """Fetch the file into staging. Its size."""

    async def claim(conn: Connection) -> tuple[Image, Lease]:
        image = await require_wanted(conn, job)
        return image, await seize(conn, bench, job, STAGING)

    image, lease = await bench.write(claim)
    await signed.check(bench, job, image)  # what is refused for its certificate need not be fetched first
    await undisturbed(bench, job, STAGING)
    try:
        found = await staged.find(bench.staging, image.id)
    except NotFound:
        watched = Watched(bench, job, lease, "fetch", None)
        found = await watched.run(_Fetching(bench, job, lease, watched).run())
    await _record(bench, job, found.size)
    return {"size": found.size}


class _Fetching:
    """One attempt of the step."""

    def __init__(self, bench: Bench, job: Job, lease: Lease, watched: Watched) -> None:
        self._bench = bench
        self._job = job
        self._lease = lease
        self._watched = watched
        self._parts = Parts(bench.staging, bench.door, job.image_id, job.task_id)

    async def run(self) -> Staged:
        order = await self._order()
        for attempt in range(1, _ATTEMPTS):
            try:
                return await self._fetched(order)
            except (FetchFailed, Busy) as failed:
                if isinstance(failed, FetchFailed) and not failed.again:
                    raise
                _log.warning("task %s, attempt %d: %s", self._job.task_id, attempt, failed)
                self._watched.note(failed)
        return await self._fetched(order)

    async def _fetched(self, order: _Order) -> Staged:
        bench, parts = self._bench, self._parts
        await parts.look()
        offset = parts.size if order.wanted.continuable(parts.facts) else 0
        proof = await Proof.begin(order.method, order.expected)
        try:
            if not offset or offset != parts.facts.size:
                going = download(
                    bench.fetcher,
                    order.wanted,
                    bench.patience,
                    offset=offset,
                    known=parts.facts,
                    tell=self._watched.note,
                )
                async with going as source:
                    if source.offset == 0:
                        await parts.begin(source.facts)
                    await proof.see(parts.staged().pieces(bench.staging))
                    await self._take(source, proof)
            else:
                await proof.see(parts.staged().pieces(bench.staging))
            await proof.settle(bench, self._job)
            return await parts.finish()
        finally:
            await proof.close()

    async def _take(self, source: Download, proof: Proof) -> None:
        """Keep all that comes, in parts."""
        self._watched.begin_at(source.offset, source.facts.size)
        room = _Room(self._bench, self._job, self._lease, source.offset)
        if source.facts.size is not None:
            await room.need(source.facts.size, known=True)
        async with aclosing(_Cut(room.kept(self._watched.counted(source.pieces())), PART)) as cut:
            while await cut.more():
                await self._parts.add(cut.run(), PART, proof.consumers)

    async def _order(self) -> _Order:
        if self._job.method == "glance-download":
            remote = await look(self._bench, self._job)
            return _Order(wanted=remote.data(self._bench.size_cap), expected=Expected(digest=remote.digest))
        task = await self._bench.database.read(lambda conn: tasks.get(conn, self._job.task_id))
        if task is None or task.input is None:
            raise ImageGone("The task was deleted.")
        method = task.input["import_req"]["method"]
        wanted = Wanted(url=method["uri"], size_cap=self._bench.size_cap)
        return _Order(wanted=wanted, method=method, expected=await expected(self._bench, method))


class _Room:
    """Sees to it that the project has room for what comes before it is kept."""

    def __init__(self, bench: Bench, job: Job, lease: Lease, offset: int) -> None:
        self._bench = bench
        self._job = job
        self._lease = lease
        self._seen = offset
        self._room = 0

    async def need(self, size: int, *, known: bool = False) -> None:
        self._room = await self._bench.room.claim(self._job, self._lease, size, known=known)

    async def kept(self, pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        async with aclosing(pieces):
            async for piece in pieces:
                self._seen += len(piece)
                if self._seen > self._room:
                    await self.need(self._seen)
                yield piece


class _Cut:
    """One stream, in runs of at most `length` bytes; each run is read to its end before the next one."""

    def __init__(self, pieces: AsyncGenerator[bytes, None], length: int) -> None:
        self._pieces = pieces
        self._length = length
        self._rest = b""

    async def more(self) -> bool:
        """Whether there is another run."""
        while not self._rest:
            try:
                self._rest = await anext(self._pieces)
            except StopAsyncIteration:
                return False
        return True

    async def run(self) -> AsyncGenerator[bytes, None]:
        left = self._length
        while left and await self.more():
            piece, self._rest = self._rest[:left], self._rest[left:]
            left -= len(piece)
            yield piece

    async def aclose(self) -> None:
        await self._pieces.aclose()


async def _record(bench: Bench, job: Job, size: int) -> None:
    async def work(conn: Connection) -> None:
        image = await require_wanted(conn, job)
        if image.size != size:
            await images.update(conn, image, replace(image, size=size, updated_at=utcnow()))

    await bench.write(work)
