"""Room in a project's quota for an import whose size is known only while it comes."""

from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from intaglio.base.clock import utcnow
from intaglio.db.base import Connection
from intaglio.db.repos import images, leases, reservations, usage
from intaglio.db.repos.leases import Lease
from intaglio.db.repos.reservations import Reservation
from intaglio.domain.image import Image
from intaglio.domain.quota import STEP, OverQuota, project_of, require_room
from intaglio.imports.base import ImportOvertaken, Job, lease_end, require_wanted
from intaglio.services.parts import Parts
from intaglio.services.quota import Budgets, budgeted_write, require_growth


class ImportRoom:
    """See `imports.base.Room`. The staged bytes count by the size of the image, the stored ones are reserved."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def claim(self, job: Job, lease: Lease, size: int, *, known: bool) -> int:
        """Make room; for a stream of unknown size a step ahead of what has come, where there is that much."""
        if known or not self._parts.quotas.enforced:
            return await self._claimed(job, lease, size)
        try:
            return await self._claimed(job, lease, -(-size // STEP) * STEP)
        except OverQuota:
            return await self._claimed(job, lease, size)

    async def _claimed(self, job: Job, lease: Lease, size: int) -> int:
        async def work(conn: Connection, budgets: Budgets) -> int:
            if not await leases.renew(conn, lease, lease_end()):
                raise ImportOvertaken("Another process took over the import.")
            image = await require_wanted(conn, job)
            after = await images.update(conn, image, replace(image, size=size, updated_at=utcnow()))
            await require_growth(conn, budgets, image, after)
            if budgets.enforced:
                await _reserve(conn, budgets, lease, after, size * len(job.stores))
            return size

        return await budgeted_write(self._parts, None, work)

    async def change(
        self, job: Job, lease: Lease, change: Callable[[Image], Image], also: Callable[[Connection], Awaitable[None]]
    ) -> None:
        """Change the image if there is room for what it takes then; `also` is done in the same transaction."""

        async def work(conn: Connection, budgets: Budgets) -> None:
            if not await leases.renew(conn, lease, lease_end()):
                raise ImportOvertaken("Another process took over the import.")
            image = await require_wanted(conn, job)
            after = change(image)
            if after != image:
                after = await images.update(conn, image, after)
                await require_growth(conn, budgets, image, after)
                await also(conn)

        await budgeted_write(self._parts, None, work)


async def _reserve(conn: Connection, budgets: Budgets, lease: Lease, image: Image, amount: int) -> None:
    """Make what is reserved of stored bytes under the import's lease `amount`. Raises `OverQuota`."""
    project = project_of(image)
    before = await reservations.find(conn, lease.image_id, lease.kind)
    more = amount - (before.amount if before is not None else 0)
    if more > 0:
        taken = await usage.locked(conn, project)
        require_room("stored", budgets.of(project).stored, taken.of("stored"), more)
    if before is None:
        new = Reservation(
            image_id=lease.image_id, kind=lease.kind, project_id=project, resource="stored", amount=amount
        )
        await reservations.insert_new(conn, new)
    else:
        await reservations.set_amount(conn, before, amount)
    await usage.reserve(conn, project, "stored", more)
