"""Which names custom properties have, found by hopping along an index: no slower for many images."""

from collections.abc import Sequence

from sqlalchemy import select

from intaglio.db.base import Connection
from intaglio.db.tables.images import properties

MOST = 2000


async def all_of(conn: Connection) -> Sequence[str]:
    """The names in order, the first `MOST` of them; some may be of properties that were removed."""
    name = properties.c.name
    first = select(name).order_by(name).limit(1).scalar_subquery()
    hops = select(first.label("name")).cte("hops", recursive=True)
    further = select(name).where(name > hops.c.name).order_by(name).limit(1).scalar_subquery()
    hops = hops.union_all(select(further).where(hops.c.name.is_not(None)))
    found = select(hops.c.name).where(hops.c.name.is_not(None)).limit(MOST)
    return (await conn.execute(found)).scalars().all()
