"""Which projects an image is shared with. A removed member keeps its row, which is revived when it is added again.

Nothing in Glance's table keeps a live member from being there twice: whoever adds or changes one first claims the image
(`images.claim`), so that of two rivals one decides anew.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, insert, select, update

from intaglio.base.errors import Conflict
from intaglio.db.base import Connection
from intaglio.db.repos.dialects import equals, live, parameter
from intaglio.db.tables.images import members
from intaglio.domain.member import Member, MemberStatus


class MemberExists(Conflict):
    """The image is shared with the project already."""

    code = "member-exists"


_COLUMNS = (
    members.c.image_id,
    members.c.member.label("member_id"),
    members.c.status,
    members.c.created_at,
    members.c.updated_at,
)


async def of_image(conn: Connection, image_id: str, *, only: str | None = None) -> Sequence[Member]:
    """The members of an image, in the order in which they were added; `only` that project when it is named."""
    statement = select(*_COLUMNS).where(members.c.image_id == image_id, live(members)).order_by(members.c.id)
    if only is None:
        rows = await conn.execute(statement)
    else:
        rows = await conn.execute(statement.where(_named(conn)), {"wanted": only})
    return [_to_member(row) for row in rows.mappings()]


async def find(conn: Connection, image_id: str, member_id: str) -> Member | None:
    """The member, or None when the image is not shared with it."""
    found = await of_image(conn, image_id, only=member_id)
    return found[0] if found else None


async def add(conn: Connection, member: Member) -> None:
    """Record a new member. Raises `MemberExists`, also for one that MariaDB cannot tell from it by its case."""
    same = (members.c.image_id == member.image_id, members.c.member == member.member_id)
    known = select(members.c.id, members.c.deleted).where(*same).order_by(members.c.deleted, members.c.id.desc())
    row = (await conn.execute(known.limit(1))).first()
    values: dict[str, Any] = {
        "member": member.member_id,
        "status": member.status,
        "can_share": False,
        "created_at": member.created_at,
        "updated_at": member.updated_at,
        "deleted_at": None,
        "deleted": False,
    }
    if row is None:
        await conn.execute(insert(members).values(image_id=member.image_id, **values))
    elif row.deleted:
        await conn.execute(update(members).where(members.c.id == row.id).values(**values))
    else:
        raise MemberExists(f"The image is shared with {member.member_id[:80]} already.")


async def set_status(conn: Connection, member: Member, status: MemberStatus, now: datetime) -> None:
    """Record what the member makes of the image."""
    statement = update(members).where(members.c.image_id == member.image_id, _named(conn), live(members))
    await conn.execute(statement.values(status=status, updated_at=now), {"wanted": member.member_id})


async def remove(conn: Connection, member: Member, now: datetime) -> None:
    """Stop sharing the image with the member."""
    statement = update(members).where(members.c.image_id == member.image_id, _named(conn), live(members))
    await conn.execute(statement.values(deleted=True, deleted_at=now, updated_at=now), {"wanted": member.member_id})


def _named(conn: Connection) -> ColumnElement[bool]:
    return equals(conn.dialect, members.c.member, parameter("wanted", members.c.member))


def _to_member(row: Any) -> Member:
    updated_at = row["updated_at"] or row["created_at"]
    return Member(**{**row, "status": MemberStatus(row["status"]), "updated_at": updated_at})
