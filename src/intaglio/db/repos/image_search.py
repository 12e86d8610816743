"""The words that images are found by: kept in the transaction of every change, and caught up with what Glance changed.

Glance, which may run on the same tables, knows nothing of them; so what it changed is noticed by `images.updated_at`,
which it sets with every change of an image, its properties and its tags. See docs/adr/0029.
"""

import importlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    false,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy import Connection as SyncConnection

from intaglio.base.clock import utcnow
from intaglio.db.base import Connection
from intaglio.db.location_urls import PLAIN
from intaglio.db.repos.dialects import live
from intaglio.db.repos.image_rows import image_select, to_image
from intaglio.db.tables.added import search
from intaglio.db.tables.images import images
from intaglio.domain.image import Image
from intaglio.domain.search import document

BATCH = 500  # images that are looked at, or whose words are taken, in one transaction
# On MariaDB `updated_at` has whole seconds: what was indexed as early as this after a change may have missed another.
_UNSETTLED = timedelta(seconds=2)


async def added(conn: Connection, image: Image) -> None:
    """Index a new image. `image` is as stored."""
    await conn.execute(_put(conn.dialect), [_row(image)])


async def changed(conn: Connection, before: Image, after: Image) -> None:
    """Index a changed image, both as stored; the words are only written when they differ."""
    if document(before) != document(after):
        await conn.execute(_put(conn.dialect), [_row(after)])
        return
    # What was changed by others and not yet caught up with is still to be noticed.
    current = (search.c.image_id == after.id, search.c.changed_at == before.updated_at)
    await conn.execute(update(search).where(*current).values(changed_at=after.updated_at, indexed_at=utcnow()))


async def removed(conn: Connection, image_id: str) -> None:
    """Forget the words of a deleted image."""
    await conn.execute(delete(search).where(search.c.image_id == image_id))


async def outdated_since(conn: Connection, since: datetime, limit: int = BATCH) -> Sequence[str]:
    """The ids of images changed at `since` or later whose words are missing or from before their last change.

    This takes no longer in a large catalogue.
    """
    statement = _outdated(conn.dialect).where(images.c.updated_at >= since).limit(limit)
    return (await conn.execute(statement, _unsettled())).scalars().all()


async def outdated(conn: Connection, after: str = "") -> tuple[Sequence[str], str | None]:
    """Looks at the next images in the order of their ids, from behind `after` on.

    Returns the ids of those whose words are missing or from before their last change, and the id of the last one it
    looked at; that is None when there are no more images.
    """
    window = select(images.c.id).where(images.c.id > after).order_by(images.c.id).limit(BATCH).subquery("window")
    last = (await conn.execute(select(func.max(window.c.id)))).scalar()
    if last is None:
        return (), None
    statement = _outdated(conn.dialect).where(images.c.id > after, images.c.id <= last)
    return (await conn.execute(statement, _unsettled())).scalars().all(), last


def _unsettled() -> dict[str, datetime]:
    return {"unsettled": utcnow() - _UNSETTLED}


async def index(conn: Connection, ids: Iterable[str]) -> None:
    """Take the words of these images as they are now."""
    found = image_select(conn.dialect).where(images.c.id.in_(list(ids)), images.c.deleted == false())
    rows = [_row(to_image(row, conn.urls)) for row in (await conn.execute(found)).all()]
    if rows:
        await conn.execute(_put(conn.dialect), rows)


async def forget_deleted(conn: Connection) -> int:
    """Remove the words of images that are deleted or gone; how many that were."""
    alive = exists().where(images.c.id == search.c.image_id, images.c.deleted == false())
    return (await conn.execute(delete(search).where(~alive))).rowcount


def index_all(connection: SyncConnection) -> None:
    """Take the words of all images that have none yet, in a migration."""
    put = _put(connection.dialect.name)
    for rows in _unindexed(connection):
        connection.execute(put, rows)


def _unindexed(connection: SyncConnection) -> Iterator[list[dict[str, Any]]]:
    whole = image_select(connection.dialect.name).where(images.c.id.in_(bindparam("ids", expanding=True)))
    last = ""
    while True:
        unknown = ~exists().where(search.c.image_id == images.c.id)
        some = select(images.c.id).where(images.c.id > last, images.c.deleted == false(), unknown)
        ids = connection.execute(some.order_by(images.c.id).limit(BATCH)).scalars().all()
        if not ids:
            return
        yield [_row(to_image(row, PLAIN)) for row in connection.execute(whole, {"ids": ids})]  # without their places
        last = ids[-1]


@cache
def _outdated(dialect: str) -> Select[Any]:
    known = images.outerjoin(search, search.c.image_id == images.c.id)
    stale = [search.c.image_id.is_(None), ~_same_time(dialect)]
    if dialect == "mysql":
        settled = func.timestampadd(literal_column("SECOND"), _UNSETTLED.seconds, search.c.changed_at)
        again = search.c.indexed_at < bindparam("unsettled", type_=search.c.indexed_at.type)
        stale.append(and_(search.c.indexed_at < settled, again))
    return select(images.c.id).select_from(known).where(live(images), or_(*stale))


def _same_time(dialect: str) -> ColumnElement[bool]:
    mine, theirs = search.c.changed_at, func.coalesce(images.c.updated_at, images.c.created_at)
    if dialect == "sqlite":  # where a time is a text, that others may have written without fractions
        return func.strftime("%Y-%m-%d %H:%M:%f", mine) == func.strftime("%Y-%m-%d %H:%M:%f", theirs)
    return mine == theirs


@cache
def _put(dialect: str) -> Insert:
    # By name, because importing the two dialects that are not used costs a tenth of a second at start.
    statement: Any = importlib.import_module(f"sqlalchemy.dialects.{dialect}").insert(search)
    upsert: Insert
    if dialect == "mysql":
        row = statement.inserted
        upsert = statement.on_duplicate_key_update(
            words=row.words, changed_at=row.changed_at, indexed_at=row.indexed_at
        )
    else:
        row = statement.excluded
        changes = {"words": row.words, "changed_at": row.changed_at, "indexed_at": row.indexed_at}
        upsert = statement.on_conflict_do_update(index_elements=["image_id"], set_=changes)
    return upsert


def _row(image: Image) -> dict[str, Any]:
    return {
        "image_id": image.id,
        "changed_at": image.updated_at,
        "indexed_at": utcnow(),
        "words": document(image),
    }
