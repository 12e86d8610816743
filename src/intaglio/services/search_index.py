"""Keeping the words that a search looks in current with what a Glance on the same database changed.

Our own changes bring theirs in the same transaction. Those of a Glance are noticed when somebody searches, if they are
recent, and by the worker in any case. See docs/adr/0029.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
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
        return list(await image_search.outdated_since(conn, utcnow() - RECENT, limit=_AT_ONCE))

    ids = await parts.database.read(look)
    if not ids:
        return
    try:
        await parts.database.write(_index(ids))
    except Unavailable as error:
        _log.warning("a search answers without the latest changes: %s", error)


async def catch_up(parts: Parts) -> int:
    """Index everything that others changed, and forget what they deleted. Returns how many images that were."""
    number, last = 0, ""
    while True:
        ids, seen = await parts.database.survey(_next(last))
        if seen is None:
            break
        if ids:
            await parts.database.write(_index(ids))
        number, last = number + len(ids), seen
    number += await parts.database.write(image_search.forget_deleted)
    if number:
        _log.info("the words of %d images were caught up with", number)
    return number


def _next(last: str) -> Callable[[Connection], Awaitable[tuple[Sequence[str], str | None]]]:
    return lambda conn: image_search.outdated(conn, last)


def _index(ids: Sequence[str]) -> Callable[[Connection], Awaitable[None]]:
    return lambda conn: image_search.index(conn, ids)
