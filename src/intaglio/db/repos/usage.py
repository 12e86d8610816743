"""How much a project's images take, added up from the images themselves."""

import msgspec
from sqlalchemy import case, false, func, select

from intaglio.db.base import Connection
from intaglio.db.repos.dialects import equals, live, parameter
from intaglio.db.tables.images import images, locations
from intaglio.domain.status import Status

_STAGED = (Status.UPLOADING.value, Status.IMPORTING.value)
_INCOMING = (Status.SAVING.value, *_STAGED)


class Used(msgspec.Struct, frozen=True):
    """Of one project: bytes over all stored copies, bytes that wait to be imported, images, images getting data."""

    stored_bytes: int
    staged_bytes: int
    images: int
    uploading: int


async def of_project(conn: Connection, project_id: str) -> Used:
    """What the live images of the project take. One statement, which reads each of them once."""
    copies = (
        select(func.count()).where(locations.c.image_id == images.c.id, live(locations)).correlate(images)
    ).scalar_subquery()
    size = func.coalesce(images.c.size, 0)
    statement = select(
        func.coalesce(func.sum(size * copies), 0),
        func.coalesce(func.sum(case((images.c.status.in_(_STAGED), size), else_=0)), 0),
        func.count(),
        func.coalesce(func.sum(case((images.c.status.in_(_INCOMING), 1), else_=0)), 0),
    ).where(
        equals(conn.dialect, images.c.owner, parameter("owner", images.c.owner)),
        images.c.deleted == false(),
        images.c.status != Status.KILLED.value,
    )
    row = (await conn.execute(statement, {"owner": project_id})).one()
    return Used(*(int(number) for number in row))
