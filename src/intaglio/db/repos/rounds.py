"""How far a walk through all copies is. One worker at a time goes on with it, wherever the one before has stopped."""

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import select, update

from intaglio.base.process import is_dead
from intaglio.db.base import Connection
from intaglio.db.repos.dialects import putting
from intaglio.db.tables.added import rounds

LEASE = timedelta(seconds=30)


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One walk. `after` is the number of the last location that was looked at; `ended_at` is None while it goes on."""

    name: str
    after: int = 0
    holder: str
    expires_at: datetime
    began_at: datetime
    ended_at: datetime | None = None
    copies: int = 0
    wrong: int = 0


async def find(conn: Connection, name: str) -> Round | None:
    """The walk of that name, None when there never was one."""
    row = (await conn.execute(select(rounds).where(rounds.c.name == name))).mappings().first()
    return None if row is None else Round(**{str(key): value for key, value in row.items()})


async def take(conn: Connection, name: str, holder: str, now: datetime, every: timedelta) -> Round | None:
    """Begin a walk, or go on with one that nobody is at work on; None when there is nothing to do now.

    A new one begins when the last has ended and began so long ago.
    """
    before = await find(conn, name)
    if before is None:
        begun = Round(name=name, holder=holder, expires_at=now + LEASE, began_at=now)
        await conn.execute(putting(conn.dialect, rounds), [msgspec.structs.asdict(begun)])
        found = await find(conn, name)  # another worker may have been faster by a moment
        return found if found is not None and found.holder == holder else None
    if before.ended_at is not None:
        if now < before.began_at + every:
            return None
        taken = Round(name=name, holder=holder, expires_at=now + LEASE, began_at=now)
    elif before.holder != holder and before.expires_at > now and not is_dead(before.holder):
        return None
    else:
        taken = msgspec.structs.replace(before, holder=holder, expires_at=now + LEASE)
    same = (rounds.c.name == name, rounds.c.holder == before.holder, rounds.c.expires_at == before.expires_at)
    changed = await conn.execute(update(rounds).where(*same).values(msgspec.structs.asdict(taken)))
    return taken if changed.rowcount else None


async def renew(conn: Connection, mine: Round, now: datetime) -> bool:
    """Note how far it is, or that it has ended; False when another worker has taken it over."""
    same = (rounds.c.name == mine.name, rounds.c.holder == mine.holder, rounds.c.began_at == mine.began_at)
    values = {"after": mine.after, "copies": mine.copies, "wrong": mine.wrong, "ended_at": mine.ended_at}
    statement = update(rounds).where(*same, rounds.c.ended_at.is_(None)).values(expires_at=now + LEASE, **values)
    return bool((await conn.execute(statement)).rowcount)
