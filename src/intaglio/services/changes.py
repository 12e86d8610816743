"""Tells those who wait that an image, or a task about it, has changed: by one look at the database for all of them.

Any process may have changed it, so the database is what is looked at: about once a second while somebody waits, for all
images in two statements, and not at all while nobody does. Who waits gets what is there now; what was there in between
may be left out, so nothing piles up behind somebody who reads slowly.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Iterator, Mapping

import msgspec

from intaglio.base.clock import utcnow
from intaglio.base.errors import IntaglioError, Throttled
from intaglio.db.base import Connection, Database
from intaglio.db.repos import image_changes
from intaglio.db.repos.image_changes import Stamp
from intaglio.domain.image import Image
from intaglio.domain.task import Task

_log = logging.getLogger(__name__)

FAST_SECONDS = 0.5
SLOW_SECONDS = 2.0
_SLOWER = 1.25  # each look that finds nothing makes the next one come so much later
_SHARE = 4  # of all that may wait, one user may have a part


class TooManyWatch(Throttled):
    """As many connections wait for changes as this process allows, of one user or of all."""

    code = "too-many-watch"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.http_headers = {"Retry-After": "10"}


class State(msgspec.Struct, frozen=True):
    """What is there now: the image, None when it is gone, and its unfinished and latest tasks, the oldest first."""

    image: Image | None
    tasks: tuple[Task, ...]


class Watcher:
    """One who waits for changes of one image."""

    def __init__(self, image_id: str) -> None:
        self.image_id = image_id
        self.stamp: Stamp | None = None
        self._news = asyncio.Event()
        self._state: State | None = None

    def tell(self, stamp: Stamp, state: State) -> None:
        """Replace what was not fetched yet."""
        self.stamp, self._state = stamp, state
        self._news.set()

    async def next(self) -> State:
        """What is there now, when it is another than the last time; the first answer comes at once."""
        await self._news.wait()
        self._news.clear()
        if self._state is None:
            raise AssertionError
        return self._state


class Changes:
    """Everybody in this process who waits."""

    def __init__(self, database: Database, most: int) -> None:
        self._database = database
        self._most = most
        self._watchers: dict[str, set[Watcher]] = {}
        self._users: Counter[str] = Counter()
        self._looking: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self.looks = 0  # at the database, so far

    @contextlib.contextmanager
    def watching(self, image_id: str, user: str) -> Iterator[Watcher]:
        """Wait for changes of an image until the block ends. Raises `TooManyWatch`."""
        self._admit(user)
        watcher = Watcher(image_id)
        self._users[user] += 1
        self._watchers.setdefault(image_id, set()).add(watcher)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_on())
        self._wake.set()
        try:
            yield watcher
        finally:
            self._leave(watcher, user)

    def _admit(self, user: str) -> None:
        if self._users.total() >= self._most:
            raise TooManyWatch(f"{self._most} connections wait for events already. Try again in 10 s.")
        share = max(1, self._most // _SHARE)
        if self._users[user] >= share:
            raise TooManyWatch(f"{share} connections of yours wait for events already. Try again in 10 s.")

    def _leave(self, watcher: Watcher, user: str) -> None:
        watchers = self._watchers[watcher.image_id]
        watchers.discard(watcher)
        if not watchers:
            del self._watchers[watcher.image_id]
        self._users[user] -= 1
        if not self._users[user]:
            del self._users[user]
        if not self._watchers and self._looking is not None:
            self._looking.cancel()
            self._looking = None

    async def _look_on(self) -> None:
        pause = FAST_SECONDS
        while True:
            self._wake.clear()
            try:
                changed = await self._look()
            except IntaglioError as error:
                _log.warning("changes of images cannot be seen at this moment: %s", error)
                changed = False
            except Exception:  # noqa: BLE001 - those who wait must not wait for ever because of it
                _log.exception("looking for changes failed because of a defect")
                changed = False
            pause = FAST_SECONDS if changed else min(SLOW_SECONDS, pause * _SLOWER)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()

    async def _look(self) -> bool:
        """Tell of what has changed; whether anything has."""
        self.looks += 1
        wanted = tuple(self._watchers)
        stamps = await self._database.read(lambda conn: image_changes.stamps(conn, wanted, utcnow()))
        news = [watcher for watcher in self._everybody() if watcher.stamp != stamps.get(watcher.image_id, ())]
        if not news:
            return False
        states = await self._states({watcher.image_id for watcher in news})
        for watcher in news:
            watcher.tell(stamps.get(watcher.image_id, ()), states[watcher.image_id])
        return True

    def _everybody(self) -> list[Watcher]:
        return [watcher for watchers in self._watchers.values() for watcher in watchers]

    async def _states(self, image_ids: set[str]) -> Mapping[str, State]:
        async def work(conn: Connection) -> Mapping[str, State]:
            found = await image_changes.contents(conn, image_ids, utcnow())
            return {image_id: State(image, about) for image_id, (image, about) in found.items()}

        return await self._database.read(work)
