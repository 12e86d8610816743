"""Which workers there are, each counting its own heartbeats. Whether one is dead is for those who watch to say."""

from datetime import datetime

from sqlalchemy import delete, insert, select, update

from intaglio.db.base import Connection
from intaglio.db.tables.added import workers


async def beat(conn: Connection, name: str, now: datetime) -> None:
    """Count one heartbeat of a worker, its first one too. Only that worker itself may call this."""
    counted = update(workers).where(workers.c.name == name).values(beats=workers.c.beats + 1)
    if (await conn.execute(counted)).rowcount == 0:
        await conn.execute(insert(workers).values(name=name, beats=1, started_at=now))


async def beats(conn: Connection) -> dict[str, int]:
    """The heartbeats of every worker on record."""
    rows = await conn.execute(select(workers.c.name, workers.c.beats))
    return {row.name: row.beats for row in rows}


async def strike(conn: Connection, name: str) -> None:
    """Take a worker off the record."""
    await conn.execute(delete(workers).where(workers.c.name == name))
