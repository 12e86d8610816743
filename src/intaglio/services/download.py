"""Finding the bytes of an image for somebody who may have them."""

import logging
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec

from intaglio.authz.engine import Caller
from intaglio.base.errors import Forbidden, Unavailable
from intaglio.db.base import Connection
from intaglio.domain.image import Image
from intaglio.domain.status import Status
from intaglio.services.access import visible_image
from intaglio.services.copies import UnknownStore, copies
from intaglio.services.parts import Parts
from intaglio.stores.base import Broken, Store, StoreError

_log = logging.getLogger(__name__)


class ImageDeactivated(Forbidden):
    """The image is out of use: only an administrator reads its data."""

    code = "image-deactivated"


class NoCopyReadable(Unavailable):
    """The image has data, but no store delivers them now."""

    code = "no-copy-readable"


class Copy(msgspec.Struct, frozen=True):
    """One readable copy of an image's data. `path` is set when it is a local file that can be sent as such."""

    store: Store
    key: str
    size: int
    path: Path | None

    def read(self, offset: int, length: int) -> AsyncIterator[bytes]:
        """The bytes [offset, offset + length)."""
        return self.store.open(self.key, offset, length)


async def find(parts: Parts, caller: Caller, image_id: str, prefer: Sequence[str] = ()) -> tuple[Image, Copy | None]:
    """The image and a copy of its data, None when it has none yet; from the stores of `prefer` first, in that order.

    Raises `UnknownStore`, `ImageNotFound`, `ImageDeactivated`, `PolicyRefused`, `NoCopyReadable`.
    """
    _require_stores(parts, prefer)

    async def work(conn: Connection) -> Image:
        image, target = await visible_image(conn, parts.policy, caller, image_id)
        if image.status == Status.DEACTIVATED and not caller.principal.is_admin:
            raise ImageDeactivated(f"Image {image.id} is deactivated; only an administrator can read its data.")
        parts.policy.require("download_image", caller, target)
        if prefer:
            parts.policy.require("download_from_store", caller, target)
        return image

    image = await parts.database.read(work)
    if image.status not in {Status.ACTIVE, Status.DEACTIVATED} or not image.locations:
        return image, None
    return image, await _readable_copy(parts, image, prefer)


def _require_stores(parts: Parts, prefer: Sequence[str]) -> None:
    if prefer and not parts.stores.multi:
        raise UnknownStore("This service has one store: 'prefer' has no meaning here.")
    for store_id in prefer:
        if store_id not in parts.stores:
            raise UnknownStore(f"'{store_id[:80]}' is not a store; there are: {', '.join(parts.stores)}.")


async def _readable_copy(parts: Parts, image: Image, prefer: Sequence[str]) -> Copy:
    found = copies(parts.stores, image.locations)
    rank = {store_id: place for place, store_id in enumerate(prefer)}
    for store_id, store, key in sorted(found, key=lambda copy: rank.get(copy[0], len(rank))):
        try:
            return await _open_copy(image, store, key)
        except StoreError as error:
            _log.warning("copy of image %s in store %s is not readable: %s", image.id, store_id, error)
    raise NoCopyReadable(f"The data of image {image.id} cannot be read from any store now.")


async def _open_copy(image: Image, store: Store, key: str) -> Copy:
    size = (await store.stat(key)).size
    if image.size is not None and size != image.size:
        raise Broken(f"the object has {size} bytes where {image.size} were stored")
    path = await store.path(key) if store.abilities.local_path else None
    return Copy(store, key, size, path)
