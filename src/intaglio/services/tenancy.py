"""Stores that keep images in their projects' own accounts: whose those are, and who else may read there.

As an image's visibility and its members change, the store is told at once; a worker tells it again what it did not
take, and what imports wrote.
"""

import logging
from collections.abc import Mapping
from datetime import timedelta
from functools import partial

from intaglio.base.clock import utcnow
from intaglio.base.errors import IntaglioError
from intaglio.db.base import Connection
from intaglio.db.repos import images, members, tenancy
from intaglio.domain.image import Image, Visibility
from intaglio.services.copies import copies
from intaglio.services.parts import Parts
from intaglio.stores.base import Tenanted

_log = logging.getLogger(__name__)
_FIRST_LOOK = timedelta(days=1)
_OVERLAP = timedelta(minutes=5)  # clocks of machines differ, and transactions end after they were dated


def tenanted(parts: Parts) -> Mapping[str, Tenanted]:
    """The stores of this kind."""
    return {store_id: store for store_id, store in parts.stores.bare.items() if isinstance(store, Tenanted)}


def introduce(parts: Parts) -> None:
    """Let these stores know where to learn whose an image is."""

    async def owner(image_id: str) -> str | None:
        return await parts.database.read(partial(tenancy.owner, image_id=image_id))

    for store in tenanted(parts).values():
        store.owners(owner)


async def tell(parts: Parts, image_id: str) -> bool:
    """Say who may read an image's data where they lie; False when a store did not take it. Never raises."""
    if not tenanted(parts):
        return True
    try:
        image, readers = await parts.database.read(lambda conn: _readers(conn, image_id))
    except IntaglioError as error:
        _log.warning("image %s: who may read its data is told to its stores later: %s", image_id, error)
        return False
    told = True
    for store_id, _, key in () if image is None else copies(parts.stores, image.locations):
        store = tenanted(parts).get(store_id)
        if store is not None:
            try:
                await store.share(key, readers)
            except IntaglioError as error:
                _log.warning("image %s: store %s is told later who may read it: %s", image_id, store_id, error)
                told = False
    return told


async def _readers(conn: Connection, image_id: str) -> tuple[Image | None, list[str] | None]:
    image = await images.get(conn, image_id)
    if image is None or image.visibility in {Visibility.PUBLIC, Visibility.COMMUNITY}:
        return image, None
    return image, [member.member_id for member in await members.of_image(conn, image_id)]


class CatchUp:
    """What a worker tells stores of images that were changed since it last looked."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._since = utcnow() - _FIRST_LOOK

    async def look(self) -> None:
        """Tell of all; what a store does not take is told at the next look."""
        now = utcnow()
        results = [await tell(self._parts, each) for each in await self._changed()]
        if all(results):
            self._since = now - _OVERLAP

    async def _changed(self) -> list[str]:
        return list(await self._parts.database.read(partial(tenancy.changed, since=self._since)))
