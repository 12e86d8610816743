"""Signatures that were verified on an image's way in, and are not its own: upstream's, and one that was replaced.

A row is written while the import is still at work. It counts from when it is bound to the digest of the image's data,
and as long as that is the image's.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import and_, delete, insert, select, update

from intaglio.base.clock import utcnow
from intaglio.db.base import Connection
from intaglio.db.tables.added import evidence

UPSTREAM = "upstream"
"""What the file's maker signed, or a list of digests with the file's in it."""
REPLACED = "replaced"
"""The signature that an image had before its data were converted, and the service signed what came of them."""


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """One signature. `document` is what the API shows of it."""

    kind: str
    recorded_at: datetime
    document: Mapping[str, Any]


async def record(
    conn: Connection, image_id: str, kind: str, task_id: str, document: Mapping[str, Any], data: str | None = None
) -> None:
    """Note what was verified, in the place of what was noted before. `data`: the digest that it is bound to already."""
    mine = and_(evidence.c.image_id == image_id, evidence.c.kind == kind)
    values = {
        "task_id": task_id,
        "data": data,
        "recorded_at": utcnow(),
        "document": msgspec.json.encode(document).decode(),
    }
    changed = await conn.execute(update(evidence).where(mine).values(values))
    if not changed.rowcount:
        await conn.execute(insert(evidence), {"image_id": image_id, "kind": kind, **values})


async def bind(conn: Connection, image_id: str, task_id: str, data: str) -> None:
    """Have what a task noted count for data with this digest; what others noted of the image goes."""
    mine = evidence.c.image_id == image_id
    await conn.execute(delete(evidence).where(mine, evidence.c.task_id != task_id))
    await conn.execute(update(evidence).where(mine).values(data=data))


async def forget(conn: Connection, image_id: str, task_id: str) -> None:
    """Remove what a task noted that failed."""
    await conn.execute(delete(evidence).where(evidence.c.image_id == image_id, evidence.c.task_id == task_id))


async def of_image(conn: Connection, image_id: str, data: str) -> list[Recorded]:
    """What counts for an image whose data have this digest."""
    statement = (
        select(evidence.c.kind, evidence.c.recorded_at, evidence.c.document)
        .where(evidence.c.image_id == image_id, evidence.c.data == data)
        .order_by(evidence.c.kind)
    )
    return [
        Recorded(kind=row.kind, recorded_at=row.recorded_at, document=msgspec.json.decode(row.document))
        for row in await conn.execute(statement)
    ]
