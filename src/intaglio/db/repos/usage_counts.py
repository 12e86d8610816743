"""Counting what projects use from the images themselves: what the kept sums are proved against."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, Select, and_, case, cast, exists, false, func, or_, select

from intaglio.db.base import Connection
from intaglio.db.repos.dialects import equals, live, parameter
from intaglio.db.repos.usage import RESERVED
from intaglio.db.tables.added import leases
from intaglio.db.tables.images import images, locations, properties
from intaglio.db.tables.usage import reservations
from intaglio.domain.quota import BUSY, COPYING, GONE, NOTHING, RESOURCES, STAGING, Usage


async def counted(conn: Connection) -> Mapping[str, Usage]:
    """What every project uses, from all images: the cost grows with their number."""
    owner = func.coalesce(images.c.owner, "")
    # MariaDB would take owners that differ in case for one
    project = cast(owner, LargeBinary) if conn.dialect == "mysql" else owner
    statement = _sums().add_columns(project.label("project")).group_by(project)
    rows = (await conn.execute(statement)).mappings()
    return {_text(row["project"]): _usage(row) for row in rows}


async def counted_for(conn: Connection, project: str) -> Usage:
    """What one project uses, from its images."""
    mine = equals(conn.dialect, images.c.owner, parameter("project", images.c.owner))
    if not project:
        mine = or_(images.c.owner.is_(None), mine)
    row = (await conn.execute(_sums().where(mine), {"project": project})).mappings().one()
    return _usage(row)


async def reserved(conn: Connection) -> Mapping[str, Mapping[str, int]]:
    """The sums of every project's reservations whose lease exists, by column of the kept sums."""
    found: dict[str, dict[str, int]] = {}
    for row in (await conn.execute(_reserved())).mappings():
        found.setdefault(row["project_id"], dict.fromkeys(RESERVED.values(), 0))[RESERVED[row["resource"]]] = int(
            row["amount"]
        )
    return found


async def reserved_for(conn: Connection, project: str) -> Mapping[str, int]:
    """The sums of one project's reservations whose lease exists."""
    statement = _reserved().where(reservations.c.project_id == project)
    rows = (await conn.execute(statement)).mappings()
    return dict.fromkeys(RESERVED.values(), 0) | {RESERVED[row["resource"]]: int(row["amount"]) for row in rows}


def _reserved() -> Select[Any]:
    held = and_(leases.c.image_id == reservations.c.image_id, leases.c.kind == reservations.c.kind)
    total = func.sum(reservations.c.amount).label("amount")
    columns = (reservations.c.project_id, reservations.c.resource)
    return select(*columns, total).where(exists().where(held)).group_by(*columns)


@cache
def _sums() -> Select[Any, Any, Any, Any]:
    """`domain.quota.usage_of`, summed by the database."""
    copies = _number_of(locations, locations.c.status == "active")
    copying = exists().where(
        properties.c.image_id == images.c.id, live(properties), properties.c.name == COPYING, properties.c.value != ""
    )
    size = case((images.c.size > 0, images.c.size), else_=0)
    staging = or_(images.c.status.in_(STAGING), copying)
    return select(
        func.sum(size * copies).label("stored"),
        func.sum(case((staging, size), else_=0)).label("staged"),
        func.count().label("images"),
        func.sum(case((or_(images.c.status.in_(BUSY), copying), 1), else_=0)).label("uploading"),
    ).where(images.c.deleted == false(), images.c.status.not_in(GONE))


def _number_of(table: Any, condition: ColumnElement[bool]) -> ColumnElement[int]:
    mine = (table.c.image_id == images.c.id, live(table), condition)
    return select(func.count()).select_from(table).where(*mine).correlate(images).scalar_subquery()


def _usage(row: Mapping[Any, Any]) -> Usage:
    """The sums as integers; of no image at all they are NULL."""
    return Usage(**{name: int(row[name] or 0) for name in RESOURCES}) if row["images"] else NOTHING


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
