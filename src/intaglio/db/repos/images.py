"""The images themselves: one read, and writes that refuse to undo another writer's.

Every change compares before it sets. Ours are told apart by a revision kept beside Glance's tables; Glance's own, which
know no revision, by `status` and `updated_at` as they were read. See docs/adr/0006. What a change does to the project's
usage is counted with it.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Select, bindparam, false, func, select
from sqlalchemy import delete as sql_delete
from sqlalchemy import insert as sql_insert
from sqlalchemy import update as sql_update
from sqlalchemy.exc import IntegrityError

from intaglio.base.clock import utcnow
from intaglio.base.errors import Conflict
from intaglio.db.base import Connection
from intaglio.db.repos import image_search, receipts, usage
from intaglio.db.repos.dialects import equals, live, parameter
from intaglio.db.repos.image_children import (
    PropertyNamesClash,
    remove_all,
    write_locations,
    write_properties,
    write_tags,
)
from intaglio.db.repos.image_pages import MarkerUnknown, page
from intaglio.db.repos.image_rows import image_select, to_image
from intaglio.db.tables.added import revisions
from intaglio.db.tables.images import images, members
from intaglio.domain.image import Image
from intaglio.domain.status import Status, StatusConflict, require_transition

__all__ = [
    "ImageExists",
    "MarkerUnknown",
    "PropertyNamesClash",
    "Superseded",
    "claim",
    "delete",
    "get",
    "idle",
    "insert",
    "is_member",
    "page",
    "shared_with",
    "transition",
    "untouched",
    "update",
]

_COLUMNS = (
    "status",
    "visibility",
    "name",
    "owner",
    "protected",
    "os_hidden",
    "min_ram",
    "min_disk",
    "container_format",
    "disk_format",
    "size",
    "virtual_size",
    "checksum",
    "os_hash_algo",
    "os_hash_value",
)


class ImageExists(Conflict):
    """An image has this id, or had it and was deleted."""

    code = "image-exists"


class Superseded(Conflict):
    """Another request changed the image after it was read."""

    code = "image-superseded"


@cache
def _get(dialect: str) -> Select[Any]:
    return image_select(dialect).where(images.c.id == bindparam("id"), images.c.deleted == false())


@cache
def _get_any_case(dialect: str) -> Select[Any]:
    wanted = images.c.id.in_([bindparam("lower"), bindparam("upper")])
    return image_select(dialect).where(wanted, images.c.deleted == false()).order_by(images.c.id).limit(1)


async def get(conn: Connection, image_id: str) -> Image | None:
    """The image, complete, or None when there is none or it was deleted. One statement when it is there.

    The id counts as written first; then, for Glance has stored ids as they were sent, in lower and in upper case.
    """
    row = (await conn.execute(_get(conn.dialect), {"id": image_id})).first()
    if row is None and len(image_id) <= images.c.id.type.length:  # type: ignore[attr-defined]
        either = {"lower": image_id.lower(), "upper": image_id.upper()}
        row = (await conn.execute(_get_any_case(conn.dialect), either)).first()
    return None if row is None else to_image(row, conn.urls)


async def idle(conn: Connection, status: Status, since: datetime, limit: int = 100) -> list[str]:
    """Ids of images in a status that nobody has changed after `since`, some of them."""
    unchanged = func.coalesce(images.c.updated_at, images.c.created_at) < since
    statement = select(images.c.id).where(images.c.status == status.value, images.c.deleted == false(), unchanged)
    return list((await conn.execute(statement.limit(limit))).scalars())


async def is_member(conn: Connection, image_id: str, project_id: str) -> bool:
    """Whether the image is shared with the project, accepted or not."""
    mine = equals(conn.dialect, members.c.member, parameter("project", members.c.member))
    statement = select(members.c.id).where(members.c.image_id == bindparam("id"), mine, live(members)).limit(1)
    return (await conn.execute(statement, {"id": image_id, "project": project_id})).first() is not None


async def untouched(conn: Connection, status: Status, before: datetime, limit: int) -> list[str]:
    """Ids of images in this status, not protected, that were last changed before that time; the oldest first."""
    changed_at = func.coalesce(images.c.updated_at, images.c.created_at)
    chosen = (images.c.status == status, images.c.deleted == false(), images.c.protected == false())
    statement = select(images.c.id).where(*chosen, changed_at < before).order_by(changed_at).limit(limit)
    return list((await conn.execute(statement)).scalars())


async def shared_with(conn: Connection, image_ids: Collection[str], project_id: str) -> frozenset[str]:
    """Those of the images that are shared with the project, accepted or not."""
    mine = equals(conn.dialect, members.c.member, parameter("project", members.c.member))
    statement = select(members.c.image_id).where(members.c.image_id.in_(list(image_ids)), mine, live(members))
    return frozenset((await conn.execute(statement, {"project": project_id})).scalars())


async def insert(conn: Connection, image: Image) -> Image:
    """Record a new image, whose id is in lower case; it is returned as it was recorded.

    Raises `ImageExists` also when a deleted image has the id, or one has it in upper case; `PropertyNamesClash`.
    """
    taken = select(images.c.id).where(images.c.id.in_([image.id, image.id.upper()])).limit(1)
    if (await conn.execute(taken)).first() is not None:
        raise _exists(image.id)
    image = _as_stored(conn, image)
    values = {column: getattr(image, column) for column in _COLUMNS}
    times = {"created_at": image.created_at, "updated_at": image.updated_at}
    try:
        await conn.execute(sql_insert(images), {"id": image.id, "deleted": False, **times, **values})
    except IntegrityError as error:  # another request, a moment ago
        raise _exists(image.id) from error
    # A purged image may have left its revision behind.
    await conn.execute(sql_delete(revisions).where(revisions.c.image_id == image.id))
    await write_properties(conn, image.id, {}, image)
    await write_tags(conn, image.id, (), image)
    locations = await write_locations(conn, image.id, (), image)
    await usage.record(conn, None, image)
    await image_search.added(conn, image)
    return msgspec.structs.replace(image, locations=locations, revision=0, tags=tuple(sorted(set(image.tags))))


async def update(conn: Connection, before: Image, after: Image) -> Image:
    """Change an image from `before`, as it was read, to `after`; only what differs is written.

    `after.updated_at` is the time of the change. Returns the image as it is then. Raises `Superseded` when it is no
    longer as `before` says, deletion included; `PropertyNamesClash`.
    """
    after = _as_stored(conn, after)
    changed = {name: getattr(after, name) for name in _COLUMNS if getattr(after, name) != getattr(before, name)}
    await _claim(conn, before, {**changed, "updated_at": after.updated_at})
    await write_properties(conn, before.id, before.properties, after)
    await write_tags(conn, before.id, before.tags, after)
    locations = await write_locations(conn, before.id, before.locations, after)
    await usage.record(conn, before, after)
    await image_search.changed(conn, before, after)
    await receipts.changed(conn, before, after)
    tags = tuple(sorted(set(after.tags)))
    return msgspec.structs.replace(after, locations=locations, tags=tags, revision=before.revision + 1)


async def transition(conn: Connection, image_id: str, expect: Status, to: Status, **changes: Any) -> Image:
    """Move an image from the status `expect` to `to`, with other `changes` of its fields, now.

    Going back to `queued` forgets both sizes. Raises `StatusConflict` when it is in another status, is gone, or may not
    go there; `Superseded` when another request was changing it.
    """
    before = await get(conn, image_id)
    if before is None:
        raise StatusConflict(f"The image is no longer {expect}: it was deleted.")
    if before.status is not expect:
        raise StatusConflict(f"The image is {before.status}; this needs it to be {expect}.")
    require_transition(expect, to)
    if to is Status.QUEUED:
        changes = {"size": None, "virtual_size": None, **changes}
    after = msgspec.structs.replace(before, **{"updated_at": utcnow(), **changes, "status": to})
    return await update(conn, before, after)


async def delete(conn: Connection, image: Image, to: Status = Status.DELETED) -> None:
    """Mark the image and all that hangs on it deleted; `to` may be `PENDING_DELETE`, when bytes are to go later.

    Raises `StatusConflict` when its status forbids that, `Superseded` when it is no longer as `image` says.
    """
    require_transition(image.status, to)
    now = await _deletion_time(conn, image, to)
    await _claim(conn, image, {"status": to, "deleted": True, "deleted_at": now, "updated_at": now})
    await remove_all(conn, image.id, now, to.value)
    await usage.record(conn, image, None)
    await image_search.removed(conn, image.id)


async def _deletion_time(conn: Connection, image: Image, to: Status) -> datetime:
    """Now; or for an image that may come back a moment later, if what hung on it was removed at this very time.

    By this time what is to come back with the image is told from what had been removed before.
    """
    now = _whole(conn, utcnow())
    if to is not Status.PENDING_DELETE:
        return now
    last = (await conn.execute(select(func.max(members.c.deleted_at)).where(members.c.image_id == image.id))).scalar()
    before = max(filter(None, (image.updated_at, last)))
    return now if now > before else before + (timedelta(seconds=1) if conn.dialect == "mysql" else timedelta.resolution)


async def claim(conn: Connection, image: Image) -> None:
    """Keep others from changing the image, and what hangs on it, until the transaction ends; it stays as it is.

    Raises `Superseded` when it was changed after it was read.
    """
    await _advance_revision(conn, image)


async def _claim(conn: Connection, before: Image, values: dict[str, Any]) -> None:
    """Compare and set: our revision first, which also makes rivals wait for each other, then the row itself."""
    await _advance_revision(conn, before)
    read_at = _whole(conn, before.updated_at)
    changed_at = func.coalesce(images.c.updated_at, images.c.created_at)
    unchanged = (images.c.id == before.id, images.c.status == before.status, changed_at == read_at)
    statement = sql_update(images).where(*unchanged, images.c.deleted == false()).values(values)
    if (await conn.execute(statement)).rowcount != 1:
        raise _superseded()


async def _advance_revision(conn: Connection, before: Image) -> None:
    if before.revision:
        same = (revisions.c.image_id == before.id, revisions.c.revision == before.revision)
        statement = sql_update(revisions).where(*same).values(revision=before.revision + 1)
        if (await conn.execute(statement)).rowcount != 1:
            raise _superseded()
        return
    try:
        await conn.execute(sql_insert(revisions).values(image_id=before.id, revision=1))
    except IntegrityError as error:
        raise _superseded() from error


def _superseded() -> Superseded:
    return Superseded("The image was changed by another request in the meantime; read it again.")


def _exists(image_id: str) -> ImageExists:
    return ImageExists(f"An image with the id {image_id} exists, or existed, already.")


def _as_stored(conn: Connection, image: Image) -> Image:
    times = {"created_at": _whole(conn, image.created_at), "updated_at": _whole(conn, image.updated_at)}
    return msgspec.structs.replace(image, **times)


def _whole(conn: Connection, moment: datetime) -> datetime:
    """On MariaDB, Glance's time columns hold whole seconds."""
    return moment.replace(microsecond=0) if conn.dialect == "mysql" else moment
