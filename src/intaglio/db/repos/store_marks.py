"""Which identity each place of a store was given when it was set up."""

from collections.abc import Mapping

from sqlalchemy import delete, func, insert, select

from intaglio.base.clock import utcnow
from intaglio.db.base import Connection
from intaglio.db.repos.dialects import live
from intaglio.db.tables.added import store_marks
from intaglio.db.tables.images import locations

_ENCIPHERED = 1000  # locations that are deciphered to find some


async def of_store(conn: Connection, store_id: str) -> Mapping[str, str]:
    """The identities of a store's places, by place."""
    statement = select(store_marks).where(store_marks.c.store_id == store_id).order_by(store_marks.c.made_at.desc())
    return {row["place"]: row["identity"] for row in (await conn.execute(statement)).mappings()}


async def owner(conn: Connection, identity: str) -> str | None:
    """The id of the store that a place with this identity belongs to."""
    found = select(store_marks.c.store_id).where(store_marks.c.identity == identity)
    name: str | None = (await conn.execute(found)).scalar()
    return name


async def record(conn: Connection, store_id: str, place: str, identity: str) -> None:
    """Note that the place has this identity now, and no other."""
    if (await of_store(conn, store_id)).get(place) == identity:
        return
    await conn.execute(delete(store_marks).where(store_marks.c.store_id == store_id, store_marks.c.place == place))
    await conn.execute(delete(store_marks).where(store_marks.c.identity == identity))
    values = {"identity": identity, "store_id": store_id, "place": place, "made_at": utcnow()}
    await conn.execute(insert(store_marks), values)


async def some_keys(conn: Connection, prefix: str, limit: int) -> list[str]:
    """What stands behind `prefix` in some of the location URIs that begin with it; looks at every location."""
    if conn.urls.enciphered:
        some = select(locations.c.value).where(live(locations), locations.c.status == "active").limit(_ENCIPHERED)
        found = [conn.urls.read(text) for text in (await conn.execute(some)).scalars()]
        return [uri[len(prefix) :] for uri in found if uri.startswith(prefix)][:limit]
    begins = func.substr(locations.c.value, 1, len(prefix)) == prefix
    statement = select(locations.c.value).where(live(locations), locations.c.status == "active", begins).limit(limit)
    return [uri[len(prefix) :] for uri in (await conn.execute(statement)).scalars()]
