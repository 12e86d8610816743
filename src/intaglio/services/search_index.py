"""Keeping the words that a search looks in current with what a Glance on the same database changed.

Our own changes bring theirs in the same transaction. Those of a Glance are noticed when somebody searches, if they are
recent, and by the worker in any case. See docs/adr/0029.
"""

import logging
from datetime import timedelta

from intaglio.base.clock import utcnow
from intaglio.base.errors import Unavailable
from intaglio.db.base import Connection
from intaglio.db.repos import image_search
from intaglio.services.parts import Parts

RECENT = timedelta(minutes=2)
"""A search looks for changes so far back; it is also how far the clocks of machines may differ."""

_AT_ONCE = 100
"""Images that one search indexes before it answers."""

_log = logging.getLogger(__name__)


async def catch_up_recent(parts: Parts) -> None:
    """Index what others changed in the last minutes, up to a hundred images; more are left to the worker.

    A database that takes no writes now does not keep anybody from searching.
    """

    async def look(conn: Connection) -> list[str]:
        return list(await image_search.outdated(conn, since=utcnow() - RECENT, limit=_AT_ONCE))

    ids = await parts.database.read(look)
    if not ids:
        return
    try:
        await parts.database.write(lambda conn: image_search.index(conn, ids))
    except Unavailable as error:
        _log.warning("a search answers without the latest changes: %s", error)


async def catch_up(parts: Parts) -> int:
    """Index everything that others changed, and forget what they deleted. Returns how many images that were."""
    number, last = 0, ""
    while True:

        async def look(conn: Connection, after: str = last) -> list[str]:
            return list(await image_search.outdated(conn, after=after))

        ids = await parts.database.survey(look)
        if not ids:
            break
        await parts.database.write(lambda conn, ids=ids: image_search.index(conn, ids))  # type: ignore[misc]
        number, last = number + len(ids), ids[-1]
    number += await parts.database.write(image_search.forget_deleted)
    if number:
        _log.info("the words of %d images were caught up with", number)
    return number
