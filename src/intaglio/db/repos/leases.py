"""Leases: who is working on an image, until when, and what is left behind if they die.

A lease is claimed before bytes flow and renewed while they do. When it has run out, whoever finds it may clean up what
it names; so a holder whose `release` or `renew` answers False has lost its claim and must not commit.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from intaglio.base.errors import Conflict
from intaglio.db.base import Connection
from intaglio.db.repos import usage
from intaglio.db.tables.added import leases

NOBODY = "nobody"
"""The holder of a lease that waits for another attempt: its image and its object are not being worked on."""


class LeaseHeld(Conflict):
    """Another one is at work on the image."""

    code = "lease-held"


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of work on one image. Times are naive UTC."""

    image_id: str
    kind: str = "upload"
    holder: str  # host, boot and process, so that a holder that cannot be alive is known
    store_id: str
    key: str  # what would be left in the store
    expires_at: datetime
    created_at: datetime
    attempts: int = 0  # how often the work that ends it failed
    error: str | None = None  # why it failed the last time
    given_up_at: datetime | None = None  # since when nobody tries any more without being told to


async def claim(conn: Connection, lease: Lease) -> None:
    """Record a lease. Raises `LeaseHeld` when the image has one of this kind, run out or not."""
    try:
        await conn.execute(insert(leases), msgspec.structs.asdict(lease))
    except IntegrityError as error:
        raise LeaseHeld(f"Another {lease.kind} of this image is running.") from error


async def find(conn: Connection, image_id: str, kind: str = "upload") -> Lease | None:
    """The lease of this kind on an image, run out or not."""
    same = (leases.c.image_id == image_id, leases.c.kind == kind)
    row = (await conn.execute(select(leases).where(*same))).mappings().first()
    return None if row is None else Lease(**row)


async def of_image(conn: Connection, image_id: str) -> list[Lease]:
    """Every lease on an image, run out or not."""
    statement = select(leases).where(leases.c.image_id == image_id)
    return [Lease(**row) for row in (await conn.execute(statement)).mappings()]


async def renew(conn: Connection, lease: Lease, until: datetime) -> bool:
    """Prolong a lease; False when it is no longer this holder's."""
    result = await conn.execute(update(leases).where(*_same(lease)).values(expires_at=until))
    return result.rowcount == 1


async def release(conn: Connection, lease: Lease) -> bool:
    """End a lease, and what was reserved under it; False when it was lost before."""
    result = await conn.execute(delete(leases).where(*_same(lease)))
    if result.rowcount != 1:
        return False
    await usage.free(conn, lease.image_id, lease.kind)
    return True


def _same(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    return (
        leases.c.image_id == lease.image_id,
        leases.c.kind == lease.kind,
        leases.c.holder == lease.holder,
        leases.c.created_at == lease.created_at,
    )


async def everyone(conn: Connection, limit: int = 1000, *, but: str = "") -> list[Lease]:
    """All leases but those of the kind `but` and those given up, those that end soonest first."""
    wanted = (leases.c.kind != but, leases.c.given_up_at.is_(None))
    statement = select(leases).where(*wanted).order_by(leases.c.expires_at).limit(limit)
    return [Lease(**row) for row in (await conn.execute(statement)).mappings()]


async def failing(conn: Connection, limit: int = 1000) -> list[Lease]:
    """Leases whose end failed at least once, those given up first, then the oldest."""
    order = (leases.c.given_up_at.is_(None), leases.c.created_at)
    statement = select(leases).where(leases.c.attempts > 0).order_by(*order).limit(limit)
    return [Lease(**row) for row in (await conn.execute(statement)).mappings()]


async def count_given_up(conn: Connection) -> Mapping[str, int]:
    """How many leases were given up, by store."""
    number = func.count().label("number")
    statement = select(leases.c.store_id, number).where(leases.c.given_up_at.is_not(None)).group_by(leases.c.store_id)
    return {row["store_id"]: row["number"] for row in (await conn.execute(statement)).mappings()}


async def removals(conn: Connection) -> tuple[int, int]:
    """How many leases wait for another attempt, and how many were given up."""
    given_up = func.count(leases.c.given_up_at).label("given_up")
    statement = select(func.count().label("all"), given_up).where(leases.c.attempts > 0)
    row = (await conn.execute(statement)).mappings().one()
    return row["all"] - row["given_up"], row["given_up"]


async def put_off(conn: Connection, lease: Lease, error: str, until: datetime) -> bool:
    """Note that ending the lease failed, and leave it; it is tried again at `until`. False when it was lost before."""
    values = {"holder": NOBODY, "attempts": lease.attempts + 1, "error": error, "expires_at": until}
    return (await conn.execute(update(leases).where(*_same(lease)).values(values))).rowcount == 1


async def forget(conn: Connection, lease: Lease) -> None:
    """Remove whatever lease of this kind the image has."""
    await conn.execute(delete(leases).where(leases.c.image_id == lease.image_id, leases.c.kind == lease.kind))


async def give_up(conn: Connection, lease: Lease, error: str, now: datetime) -> bool:
    """Note that nobody shall try any more by himself. False when it was lost before."""
    values = {"holder": NOBODY, "attempts": lease.attempts + 1, "error": error, "given_up_at": now}
    return (await conn.execute(update(leases).where(*_same(lease)).values(values))).rowcount == 1


async def take_over(conn: Connection, lease: Lease, holder: str, until: datetime) -> Lease | None:
    """Make `holder` the holder of a lease seen before; None when it was renewed, ended or taken over meanwhile.

    One that was given up is tried again by that.
    """
    unchanged = (*_same(lease), leases.c.expires_at == lease.expires_at)
    values = {"holder": holder, "expires_at": until, "given_up_at": None}
    if (await conn.execute(update(leases).where(*unchanged).values(values))).rowcount != 1:
        return None
    return msgspec.structs.replace(lease, holder=holder, expires_at=until, given_up_at=None)
