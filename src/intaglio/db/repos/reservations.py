"""Reservations: bytes that a running transfer may take of its project's quota, one for each lease.

Whoever changes one holds its lease in the same transaction, so a reservation has one writer at a time. The sums by
project are kept by `repos.usage`, which alone calls what changes them.
"""

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, delete, insert, select, update

from intaglio.db.base import Connection
from intaglio.db.tables.added import leases
from intaglio.db.tables.usage import reservations


class Reservation(msgspec.Struct, frozen=True, kw_only=True):
    """`amount` bytes of a project's `stored` or `staged` room, held under the lease of that image and kind."""

    image_id: str
    kind: str
    project_id: str
    resource: str
    amount: int


async def find(conn: Connection, image_id: str, kind: str) -> Reservation | None:
    """The reservation under the lease of that image and kind, as it is now; it is locked until the transaction ends."""
    statement = select(reservations).where(*_key(image_id, kind)).with_for_update()
    row = (await conn.execute(statement)).mappings().first()
    return None if row is None else Reservation(**row)


async def of_image(conn: Connection, image_id: str) -> list[Reservation]:
    """All reservations for one image, locked until the transaction ends."""
    statement = select(reservations).where(reservations.c.image_id == image_id).with_for_update()
    return [Reservation(**row) for row in (await conn.execute(statement)).mappings()]


async def insert_new(conn: Connection, reservation: Reservation) -> None:
    """Record a reservation."""
    await conn.execute(insert(reservations), msgspec.structs.asdict(reservation))


async def set_amount(conn: Connection, reservation: Reservation, amount: int) -> None:
    """Change how many bytes are reserved."""
    await _change(conn, reservation, amount=amount)


async def assign(conn: Connection, reservation: Reservation, project: str) -> None:
    """Make it another project's."""
    await _change(conn, reservation, project_id=project)


async def remove(conn: Connection, reservation: Reservation) -> None:
    """Forget it."""
    await conn.execute(delete(reservations).where(*_key(reservation.image_id, reservation.kind)))


async def remove_orphans(conn: Connection, project: str) -> None:
    """Forget a project's reservations whose lease is gone; `repos.usage_counts` does not count them either."""
    held = select(leases.c.kind).where(
        leases.c.image_id == reservations.c.image_id, leases.c.kind == reservations.c.kind
    )
    await conn.execute(delete(reservations).where(reservations.c.project_id == project, ~held.exists()))


async def _change(conn: Connection, reservation: Reservation, **values: Any) -> None:
    where = _key(reservation.image_id, reservation.kind)
    await conn.execute(update(reservations).where(*where).values(**values))


def _key(image_id: str, kind: str) -> tuple[ColumnElement[bool], ...]:
    return (reservations.c.image_id == image_id, reservations.c.kind == kind)
