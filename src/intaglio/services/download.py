"""Finding the bytes of an image for somebody who may have them."""

import logging
from collections.abc import Sequence
from functools import partial

from intaglio.authz.engine import Caller
from intaglio.base.errors import Forbidden, Unavailable
from intaglio.db.base import Connection
from intaglio.db.repos import digests
from intaglio.domain.image import Image
from intaglio.domain.status import Status
from intaglio.ingest.sources import Copy, require_size
from intaglio.services.access import visible_image
from intaglio.services.copies import UnknownStore, copies
from intaglio.services.delivery import Data
from intaglio.services.parts import Parts
from intaglio.stores.base import StoreError

_log = logging.getLogger(__name__)


class ImageDeactivated(Forbidden):
    """The image is out of use: only an administrator reads its data."""

    code = "image-deactivated"


class NoCopyReadable(Unavailable):
    """The image has data, but no store delivers them now."""

    code = "no-copy-readable"


async def find(parts: Parts, caller: Caller, image_id: str, prefer: Sequence[str] = ()) -> tuple[Image, Data | None]:
    """The image and its data, None when it has none yet; from the stores of `prefer` first, in that order.

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
    return image, await _readable(parts, image, prefer)


def _require_stores(parts: Parts, prefer: Sequence[str]) -> None:
    if prefer and not parts.stores.multi:
        raise UnknownStore("This service has one store: 'prefer' has no meaning here.")
    for store_id in prefer:
        if store_id not in parts.stores:
            raise UnknownStore(f"'{store_id[:80]}' is not a store; there are: {', '.join(parts.stores)}.")


async def _readable(parts: Parts, image: Image, prefer: Sequence[str]) -> Data:
    """The image's data, from the first copy that is readable; the others are what a broken reading continues from."""
    rank = {store_id: place for place, store_id in enumerate(prefer)}
    found = [Copy(*copy) for copy in copies(parts.stores, image.locations)]
    found.sort(key=lambda copy: rank.get(copy.store_id, len(rank)))
    for number, copy in enumerate(found):
        try:
            size = (await copy.store.stat(copy.key)).size if image.size is None else image.size
            await require_size(copy, size)
            path = await copy.store.path(copy.key) if copy.store.abilities.local_path else None
        except StoreError as error:
            _log.warning("copy of image %s in store %s is not readable: %s", image.id, copy.store_id, error)
        else:
            remaining = (*found[number:], *found[:number])
            quick = None if path is not None else await _quick(parts, image)
            return Data(image=image, size=size, copies=remaining, door=parts.door, path=path, quick=quick)
    raise NoCopyReadable(f"The data of image {image.id} cannot be read from any store now.")


async def _quick(parts: Parts, image: Image) -> str | None:
    return await parts.database.read(partial(digests.find, image_id=image.id, on_record=image.os_hash_value))
