"""Quotas that hold: room is reserved in the database before bytes flow, and given back with the lease it hangs on.

Limits may come from another service, so they are looked up before a transaction; one that turns out to need another
project's limits is undone, and run again with them.
"""

from collections.abc import Awaitable, Callable

from intaglio.db.base import Connection, T
from intaglio.db.repos import leases, reservations, usage
from intaglio.db.repos.leases import Lease
from intaglio.db.repos.reservations import Reservation
from intaglio.domain.image import Image
from intaglio.domain.quota import (
    NOTHING,
    RESOURCES,
    UNLIMITED,
    Limits,
    LimitSource,
    Usage,
    project_of,
    require_room,
    step,
    usage_of,
)
from intaglio.services.guarded import guarded_write
from intaglio.services.leases import lease_end
from intaglio.services.parts import Parts


class _LimitsNeeded(Exception):
    """The transaction deals with a project whose limits were not looked up."""

    def __init__(self, project: str) -> None:
        super().__init__(project)
        self.project = project


class Budgets:
    """The limits that a transaction goes by."""

    def __init__(self, source: LimitSource) -> None:
        self._source = source
        self._known: dict[str, Limits] = {}

    @property
    def enforced(self) -> bool:
        """Whether any project can have a limit."""
        return self._source.enforced

    def of(self, project: str) -> Limits:
        """The limits of a project. Inside the transaction only, which may be undone and run again by this."""
        if not self._source.enforced:
            return UNLIMITED
        if project not in self._known:
            raise _LimitsNeeded(project)
        return self._known[project]

    async def look_up(self, project: str) -> None:
        """Make a project's limits known. Raises `Unavailable`."""
        if self._source.enforced:
            self._known[project] = await self._source.of(project)


async def budgeted_write(parts: Parts, project: str | None, work: Callable[[Connection, Budgets], Awaitable[T]]) -> T:
    """Run `work` as `guarded_write` does, with the limits of every project it asks for; `project` is a first guess."""
    budgets = Budgets(parts.quotas)
    await budgets.look_up(project or "")
    while True:
        try:
            return await guarded_write(parts, lambda conn: work(conn, budgets))
        except _LimitsNeeded as needed:
            await budgets.look_up(needed.project)


async def require_growth(conn: Connection, budgets: Budgets, before: Image | None, after: Image) -> None:
    """Raise `OverQuota` when a change that this transaction made takes more of the owner's quota than there is.

    A new owner takes over what is reserved for the image as well.
    """
    project = project_of(after)
    limits = budgets.of(project)
    if limits == UNLIMITED:
        return
    moved = before is not None and project_of(before) != project
    grown = usage_of(after) - (NOTHING if before is None or moved else usage_of(before))
    if moved:
        grown += _sum(await reservations.of_image(conn, after.id))
    for resource in RESOURCES:
        asked = grown.of(resource)
        if asked > 0 and limits.of(resource) is not None:
            taken = await usage.locked(conn, project)
            require_room(resource, limits.of(resource), taken.of(resource) - asked, asked)


def _sum(found: list[Reservation]) -> Usage:
    total = NOTHING
    for reservation in found:
        total += Usage(**{reservation.resource: reservation.amount})
    return total


async def reserve(
    conn: Connection, budgets: Budgets, lease: Lease, image: Image, size: int | None, resource: str = "stored"
) -> int:
    """Reserve room for `size` bytes, or a first step for a stream of unknown size; the bytes reserved.

    In the transaction that claims `lease`, whose end gives back what is reserved then. Nothing is reserved where no
    project has a limit. Raises `OverQuota`.
    """
    if not budgets.enforced:
        return 0
    project = project_of(image)
    limit = budgets.of(project).of(resource)
    await usage.free(conn, lease.image_id, lease.kind)  # under a new lease it can only be what a lost one left
    taken = (await usage.locked(conn, project)).of(resource)
    require_room(resource, limit, taken, 1 if size is None else size)
    amount = step(limit, taken, 1) if size is None else size
    new = Reservation(image_id=lease.image_id, kind=lease.kind, project_id=project, resource=resource, amount=amount)
    await reservations.insert_new(conn, new)
    await usage.reserve(conn, project, resource, amount)
    return amount


class Meter:
    """Keeps the reservation of a stream of unknown size ahead of the bytes that have come."""

    def __init__(self, parts: Parts, lease: Lease, reserved: int) -> None:
        self._parts = parts
        self._lease = lease
        self._reserved = reserved
        self._seen = 0

    async def admit(self, size: int) -> str | None:
        """Count a piece of `size` bytes that is about to be passed on; says why the lease is lost, when it is.

        Raises `OverQuota` when there is no room for it.
        """
        self._seen += size
        if self._seen <= self._reserved:
            return None
        reserved = await budgeted_write(self._parts, None, self._grow)
        if reserved is None:
            return "another process took over"
        self._reserved = reserved
        return None

    async def _grow(self, conn: Connection, budgets: Budgets) -> int | None:
        lease = self._lease
        # only who holds the lease may change what hangs on it
        if not await leases.renew(conn, lease, lease_end()):
            return None
        reservation = await reservations.find(conn, lease.image_id, lease.kind)
        if reservation is None:
            return None
        limit = budgets.of(reservation.project_id).of(reservation.resource)
        taken = (await usage.locked(conn, reservation.project_id)).of(reservation.resource)
        needed = self._seen - reservation.amount
        require_room(reservation.resource, limit, taken, needed)
        more = step(limit, taken, needed)
        await reservations.set_amount(conn, reservation, reservation.amount + more)
        await usage.reserve(conn, reservation.project_id, reservation.resource, more)
        return reservation.amount + more
