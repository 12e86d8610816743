"""Setting up the stores that can vanish and leave an empty directory behind: each place gets a mark, once.

The mark is in the place itself, its identity in the database: a service that finds the one without the other knows that
the place is not mounted, or is another one.
"""

import logging
import uuid
from collections.abc import Mapping

from intaglio.base.errors import IntaglioError, Invalid
from intaglio.db.base import Connection
from intaglio.db.repos import store_marks
from intaglio.services.parts import Parts
from intaglio.stores.base import Marked, Store, StoreError, Unmounted

_log = logging.getLogger(__name__)
_SAMPLE = 20


class NotMarked(Invalid):
    """The store keeps no marks: what is there is known otherwise."""

    code = "store-keeps-no-marks"


class Marks:
    """What is known of the marks of one process's stores; until all is known, those in doubt take nothing."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._open = {store_id for store_id, store in parts.stores.bare.items() if isinstance(store, Marked)}
        self._said: dict[str, str] = {}

    async def settle(self) -> bool:
        """Set up what is new and learn what is known; False when something is still in doubt. Never raises."""
        for store_id in sorted(self._open):
            try:
                await self._settle(store_id, self._parts.stores.bare[store_id])
            except IntaglioError as error:
                if self._said.get(store_id) != str(error):
                    _log.error("store %s cannot be set up yet, and takes nothing: %s", store_id, error)
                    self._said[store_id] = str(error)
            else:
                self._open.discard(store_id)
        return not self._open

    async def _settle(self, store_id: str, store: Store) -> None:
        if not isinstance(store, Marked):
            return
        nothing: Mapping[str, str | None] = dict.fromkeys(store.places())
        try:
            await self._parts.database.check()
            known = await self._parts.database.read(lambda conn: store_marks.of_store(conn, store_id))
        except IntaglioError:
            store.require_marks(nothing)
            raise
        new = [place for place in store.places() if place not in known]
        store.require_marks({**nothing, **known})
        for place in new:
            store.require_marks({place: await _set_up(self._parts, store_id, store, place)})


async def recall(parts: Parts) -> None:
    """Learn the marks that are known and set up nothing: for commands beside a running service."""
    for store_id, store in parts.stores.bare.items():
        if isinstance(store, Marked):
            store.require_marks(await _known(parts, store_id))


async def accept(parts: Parts, store_id: str) -> None:
    """Take what is there now for the store's places, whatever they held before.

    Raises `NotMarked`, `StoreError` when something is not there at all.
    """
    store = parts.stores.bare[store_id]
    if not isinstance(store, Marked):
        raise NotMarked(f"The store {store_id!r} is of a kind that keeps no marks.")
    for place, there in (await store.marks()).items():
        owner = await _owner(parts, there)
        identity = there if there is not None and owner in {None, store_id} else str(uuid.uuid4())
        identity = await store.mark(place, identity, anew=identity != there)
        await _record(parts, store_id, place, identity)
        store.require_marks({place: identity})
        _log.warning("store %s: what is in %s now was accepted as its own", store_id, place)


async def _known(parts: Parts, store_id: str) -> Mapping[str, str]:
    return await parts.database.read(lambda conn: store_marks.of_store(conn, store_id))


async def _owner(parts: Parts, identity: str | None) -> str | None:
    if identity is None:
        return None
    return await parts.database.read(lambda conn: store_marks.owner(conn, identity))


async def _record(parts: Parts, store_id: str, place: str, identity: str) -> None:
    async def work(conn: Connection) -> None:
        await store_marks.record(conn, store_id, place, identity)

    await parts.database.write(work)


async def _set_up(parts: Parts, store_id: str, store: Marked, place: str) -> str:
    """The identity of a place that the database does not know yet. Raises `Unmounted` when it looks wrong."""
    there = await _found(store, place)
    owner = await _owner(parts, there)
    if owner not in {None, store_id}:
        raise Unmounted(
            f"its directory has the mark of the store {owner!r}; if that is right, run `intaglio store check --accept "
            f"{store_id}`"
        )
    if there is None:
        await _require_its_images(parts, store_id, place)
        there = await store.mark(place, str(uuid.uuid4()))
        _log.info("store %s: set up, with the mark %s", store_id, there)
    try:
        await _record(parts, store_id, place, there)
    except IntaglioError:
        if (await _known(parts, store_id)).get(place) != there:  # another process of the service was as fast
            raise
    return there


async def _found(store: Marked, place: str) -> str | None:
    try:
        return (await store.marks())[place]
    except Unmounted:
        return None  # its directory is still to be made


async def _require_its_images(parts: Parts, store_id: str, place: str) -> None:
    """Raise `Unmounted` when the database has images there, and none of those looked at is."""
    prefix = f"file://{place.rstrip('/')}/"
    keys = await parts.database.survey(lambda conn: store_marks.some_keys(conn, prefix, _SAMPLE))
    for key in keys:
        try:
            await parts.stores[store_id].stat(key)
        except StoreError:
            continue
        return
    if keys:
        raise Unmounted(
            "the database has images in its directory, and none of them is there: is its file system mounted? If the "
            f"images are lost for good, run `intaglio store check --accept {store_id}`"
        )
