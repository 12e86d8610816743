"""What each project uses: changed with every change of an image, in the same transaction.

A row is added to, never set: what other transactions add at the same time is kept. The row is touched last, for it is
the one that many requests of a project wait for.
"""

import importlib
from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Insert, Select, select
from sqlalchemy import update as sql_update

from intaglio.db.base import Connection
from intaglio.db.repos import reservations
from intaglio.db.tables.usage import project_usage
from intaglio.domain.image import Image
from intaglio.domain.quota import NOTHING, RESOURCES, Usage, project_of, usage_of

RESERVED = {"stored": "stored_reserved", "staged": "staged_reserved"}
_COLUMNS = (*RESOURCES, *RESERVED.values())


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What one project uses, and what its running transfers have reserved, in bytes."""

    used: Usage = NOTHING
    stored_reserved: int = 0
    staged_reserved: int = 0

    def of(self, resource: str) -> int:
        """What is used and reserved of one of `RESOURCES`."""
        total = self.used.of(resource)
        if resource in RESERVED:
            total += getattr(self, RESERVED[resource])
        return total


async def record(conn: Connection, before: Image | None, after: Image | None) -> None:
    """Count a change of an image from `before` to `after`; None is an image that does not exist."""
    if before is not None and after is not None and project_of(before) != project_of(after):
        await _move_reservations(conn, before.id, project_of(after))
    changes: dict[str, Usage] = {}
    if before is not None:
        changes[project_of(before)] = NOTHING - usage_of(before)
    if after is not None:
        project = project_of(after)
        changes[project] = changes.get(project, NOTHING) + usage_of(after)
    for project in sorted(changes):  # in one order everywhere, so that two changes do not wait for each other
        if changes[project] != NOTHING:
            await _add(conn, project, msgspec.structs.asdict(changes[project]))


async def reserve(conn: Connection, project: str, resource: str, amount: int) -> None:
    """Add to what is reserved; a negative `amount` gives back. The caller keeps the reservation's own row in step."""
    if amount:
        await _add(conn, project, {RESERVED[resource]: amount})


async def free(conn: Connection, image_id: str, kind: str) -> None:
    """Give back all that was reserved under the lease of that image and kind, if anything was."""
    reservation = await reservations.find(conn, image_id, kind)
    if reservation is not None:
        await reservations.remove(conn, reservation)
        await reserve(conn, reservation.project_id, reservation.resource, -reservation.amount)


async def _move_reservations(conn: Connection, image_id: str, project: str) -> None:
    for reservation in await reservations.of_image(conn, image_id):
        await reservations.assign(conn, reservation, project)
        await reserve(conn, reservation.project_id, reservation.resource, -reservation.amount)
        await reserve(conn, project, reservation.resource, reservation.amount)


async def locked(conn: Connection, project: str) -> Taken:
    """What the project has taken now; other transactions that would change it wait until this one has ended."""
    taken = await _read(conn, _one().with_for_update(), project)
    if taken is None:
        await _make(conn, project)
        taken = await _read(conn, _one().with_for_update(), project)
    return taken or Taken()


async def get(conn: Connection, project: str) -> Taken:
    """What the project has taken."""
    return await _read(conn, _one(), project) or Taken()


async def everyone(conn: Connection) -> Mapping[str, Taken]:
    """What every project has taken, as far as one is known."""
    rows = await conn.execute(select(project_usage).order_by(project_usage.c.project_id))
    return {row["project_id"]: _taken(row) for row in rows.mappings()}


async def replace(conn: Connection, project: str, taken: Taken) -> None:
    """Set what the project has taken; to be done only under `locked`."""
    reserved = {column: getattr(taken, column) for column in RESERVED.values()}
    values = {**msgspec.structs.asdict(taken.used), **reserved}
    await conn.execute(sql_update(project_usage).where(project_usage.c.project_id == project).values(values))


def _one() -> Select[Any]:
    return select(project_usage)


async def _read(conn: Connection, statement: Select[Any], project: str) -> Taken | None:
    row = (await conn.execute(statement.where(project_usage.c.project_id == project))).mappings().first()
    return None if row is None else _taken(row)


def _taken(row: Mapping[Any, Any]) -> Taken:
    used = Usage(**{name: row[name] for name in RESOURCES})
    return Taken(used=used, **{column: row[column] for column in RESERVED.values()})


async def _add(conn: Connection, project: str, amounts: Mapping[str, int]) -> None:
    values = {name: project_usage.c[name] + amount for name, amount in amounts.items() if amount}
    addition = sql_update(project_usage).where(project_usage.c.project_id == project).values(values)
    if (await conn.execute(addition)).rowcount == 0:
        await _make(conn, project)
        await conn.execute(addition)


async def _make(conn: Connection, project: str) -> None:
    """A row of zeros, unless another transaction makes it at this moment: then its is waited for."""
    await conn.execute(_insert(conn.dialect), {"project_id": project, **dict.fromkeys(_COLUMNS, 0)})


@cache
def _insert(dialect: str) -> Insert:
    # By name, because importing the two dialects that are not used costs a tenth of a second at start.
    statement: Any = importlib.import_module(f"sqlalchemy.dialects.{dialect}").insert(project_usage)
    if dialect == "mysql":
        nothing: Insert = statement.on_duplicate_key_update(images=project_usage.c.images)
    else:
        nothing = statement.on_conflict_do_nothing(index_elements=["project_id"])
    return nothing
