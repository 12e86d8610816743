"""The stores as users meet them: what there is, and giving up the copy of an image in one of them."""

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from intaglio.authz.engine import Caller
from intaglio.base.clock import utcnow
from intaglio.base.errors import Conflict, Forbidden, NotFound
from intaglio.db.base import Connection
from intaglio.db.repos import images, leases
from intaglio.db.repos.leases import Lease
from intaglio.domain.image import Image, Location
from intaglio.domain.status import Status
from intaglio.services.access import visible_image
from intaglio.services.copies import copies
from intaglio.services.guarded import guarded_write
from intaglio.services.parts import Parts
from intaglio.services.removal import deletions, remove_copies


class OneStore(NotFound):
    """The service has one store without a name, so there is no list of stores."""

    code = "one-store"


class NoSuchStore(Conflict):
    """No store of this service has that id."""

    code = "no-such-store"


class NotInStore(NotFound):
    """The image has no copy in this store."""

    code = "not-in-store"


class NotActive(Conflict):
    """Copies are given up only while an image is in use."""

    code = "copies-fixed"


class OnlyCopy(Forbidden):
    """The last copy of an image's data is given up only by deleting the image."""

    code = "only-copy"


class StoreFacts(msgspec.Struct, frozen=True):
    """One store as users are told of it; the last three are for administrators and services."""

    id: str
    description: str | None
    default: bool
    read_only: bool
    type: str
    weight: int
    properties: Mapping[str, object]


def listed(parts: Parts) -> list[StoreFacts]:
    """Every store. Raises `OneStore`."""
    stores = parts.stores
    _require_several(parts)
    return [
        StoreFacts(
            id=store_id,
            description=stores.config(store_id).description,
            default=store_id == stores.default,
            read_only=not store.abilities.write,
            type=stores.config(store_id).type,
            weight=stores.weight(store_id),
            properties=stores.properties(store_id),
        )
        for store_id, store in stores.items()
    ]


def in_detail(parts: Parts, caller: Caller) -> list[StoreFacts]:
    """The same for those who may know where the stores are. Raises `OneStore`, `PolicyRefused`."""
    found = listed(parts)
    parts.policy.require("stores_info_detail", caller, {})
    return found


async def drop_copy(parts: Parts, caller: Caller, store_id: str, image_id: str) -> None:
    """Remove the copy of the image in one store; another one stays.

    Raises `OneStore`, `NoSuchStore`, refusals, `NotActive`, `OnlyCopy`, `NotInStore`.
    """
    _require_several(parts)
    if store_id not in parts.stores:
        raise NoSuchStore(f"'{store_id[:80]}' is not a store; there are: {', '.join(parts.stores)}.")

    async def work(conn: Connection) -> list[Lease]:
        image, target = await visible_image(conn, parts.policy, caller, image_id)
        parts.policy.require("get_image_location", caller, target)
        parts.policy.require("delete_image_location", caller, target)
        gone = _copy_in(parts, image, store_id)
        kept = tuple(location for location in image.locations if location is not gone)
        pending = deletions(parts, image.id, [gone], kept=kept)
        await images.update(conn, image, replace(image, locations=kept, updated_at=utcnow()))
        for lease in pending:
            await leases.claim(conn, lease)
        return pending

    await remove_copies(parts, await guarded_write(parts, work))


def _copy_in(parts: Parts, image: Image, store_id: str) -> Location:
    if image.status != Status.ACTIVE:
        raise NotActive(f"Image {image.id} is {image.status}; a copy can be removed only while it is active.")
    if len(image.locations) <= 1:
        raise OnlyCopy(f"Image {image.id} has this one copy; delete the image instead.")
    for location in image.locations:
        if any(found == store_id for found, _, _ in copies(parts.stores, [location])):
            return location
    raise NotInStore(f"Image {image.id} has no copy in the store {store_id}.")


def _require_several(parts: Parts) -> None:
    if not parts.stores.multi:
        raise OneStore("This service has one store, without an id; stores are named where enabled_backends is set.")
