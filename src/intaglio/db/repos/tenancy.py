"""What stores have to know that keep objects in projects' own accounts: whose an image is, and which were changed."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import false, or_, select

from intaglio.db.base import Connection
from intaglio.db.repos.dialects import live
from intaglio.db.tables.images import images, locations, members


async def owner(conn: Connection, image_id: str) -> str | None:
    """The project that owns an image, also a deleted one; None for nobody's, and where there is no such image."""
    found: str | None = (await conn.execute(select(images.c.owner).where(images.c.id == image_id))).scalar()
    return found


async def changed(conn: Connection, since: datetime) -> Sequence[str]:
    """The images with data that were changed since then, or whose members were."""
    shared = select(members.c.image_id).where(members.c.updated_at >= since)
    stored = select(locations.c.image_id).where(live(locations))
    statement = select(images.c.id).where(
        images.c.deleted == false(),
        images.c.id.in_(stored),
        or_(images.c.updated_at >= since, images.c.id.in_(shared)),
    )
    return list((await conn.execute(statement)).scalars())
