"""Images in use that say nothing of a signature."""

from collections.abc import Collection, Sequence

from sqlalchemy import exists, false, select

from intaglio.db.base import Connection
from intaglio.db.repos.image_rows import image_columns, to_image
from intaglio.db.tables.images import images, properties
from intaglio.domain.image import Image, Visibility
from intaglio.domain.signatures import SIGNATURE
from intaglio.domain.status import Status

PAGE = 100
_IN_USE = (Status.ACTIVE.value, Status.DEACTIVATED.value)


async def after(conn: Connection, last: str, *, visibilities: Collection[Visibility] = ()) -> Sequence[Image]:
    """The next of them behind that id, of some visibilities or of all."""
    signed = exists().where(
        properties.c.image_id == images.c.id,
        properties.c.name == SIGNATURE,
        properties.c.deleted == false(),
    )
    statement = (
        select(*image_columns(conn.dialect))
        .where(images.c.id > last, images.c.deleted == false(), images.c.status.in_(_IN_USE), ~signed)
        .order_by(images.c.id)
        .limit(PAGE)
    )
    if visibilities:
        statement = statement.where(images.c.visibility.in_([each.value for each in visibilities]))
    return [to_image(row, conn.urls) for row in await conn.execute(statement)]
