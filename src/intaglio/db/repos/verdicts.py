"""What inspections of images' data came to, and which images wait for one by the rules of today."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import and_, delete, false, insert, or_, select, update

from intaglio.base.clock import utcnow
from intaglio.db.base import Connection
from intaglio.db.repos.image_rows import image_columns, to_image
from intaglio.db.tables.added import verdicts
from intaglio.db.tables.images import images
from intaglio.domain.image import Image
from intaglio.domain.status import Status

PAGE = 100
_IN_USE = (Status.ACTIVE.value, Status.DEACTIVATED.value)


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """One verdict. `rules` names the set that it was made by; `reason` is why the data were refused."""

    image_id: str
    rules: str
    accepted: bool
    detected_format: str = ""
    reason: str | None = None
    judged_at: datetime


async def record(conn: Connection, verdict: Recorded) -> None:
    """Note a verdict in the place of the one before."""
    values = msgspec.structs.asdict(verdict)
    changed = await conn.execute(update(verdicts).where(verdicts.c.image_id == verdict.image_id).values(values))
    if not changed.rowcount:
        await conn.execute(insert(verdicts), values)


async def record_accepted(conn: Connection, image_id: str, detected_format: str | None, rules: str) -> None:
    """Note that an image's new data were accepted; with None they are of a kind that is not inspected."""
    if detected_format is None:
        await conn.execute(delete(verdicts).where(verdicts.c.image_id == image_id))
        return
    accepted = Recorded(
        image_id=image_id, rules=rules, accepted=True, detected_format=detected_format, judged_at=utcnow()
    )
    await record(conn, accepted)


async def find(conn: Connection, image_id: str) -> Recorded | None:
    """The verdict on an image's data; None when there was none."""
    row = (await conn.execute(select(verdicts).where(verdicts.c.image_id == image_id))).mappings().first()
    return None if row is None else Recorded(**{str(name): value for name, value in row.items()})


async def waiting(conn: Connection, after: str, *, rules: str | None) -> Sequence[Image]:
    """The next images in use behind that id which the set of `rules` has not judged, or has refused; all with None."""
    statement = (
        select(*image_columns(conn.dialect))
        .select_from(images.outerjoin(verdicts, verdicts.c.image_id == images.c.id))
        .where(images.c.id > after, images.c.deleted == false(), images.c.status.in_(_IN_USE))
        .order_by(images.c.id)
        .limit(PAGE)
    )
    if rules is not None:
        refused = and_(verdicts.c.accepted == false(), images.c.status == Status.ACTIVE.value)
        statement = statement.where(or_(verdicts.c.rules.is_(None), verdicts.c.rules != rules, refused))
    return [to_image(row) for row in await conn.execute(statement)]
