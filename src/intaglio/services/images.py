"""Creating, showing, changing and deleting image records."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from intaglio.authz.engine import Caller, ImageTarget
from intaglio.authz.property_access import PropertyAccess
from intaglio.authz.property_rules import Action
from intaglio.base.clock import utcnow
from intaglio.base.errors import Forbidden
from intaglio.db.base import Connection
from intaglio.db.repos import deletions as kept_images
from intaglio.db.repos import images, leases
from intaglio.db.repos.leases import Lease
from intaglio.domain import patch
from intaglio.domain.creation import new_image
from intaglio.domain.image import Image, Visibility
from intaglio.domain.patch import Operation
from intaglio.domain.properties import require_counts, require_location_count
from intaglio.domain.status import Status
from intaglio.services.access import visible_image
from intaglio.services.copies import by_weight
from intaglio.services.guarded import guarded_write
from intaglio.services.parts import Parts
from intaglio.services.quota import Budgets, budgeted_write, require_growth
from intaglio.services.removal import deletions, remove_copies
from intaglio.services.resigning import NEEDS, Resigning
from intaglio.services.staging import staged_leftovers
from intaglio.services.vocabulary import make_guard
from intaglio.signatures.base import NOBODY, Asker

_KEPT = {Status.ACTIVE, Status.DEACTIVATED}


class ForeignOwner(Forbidden):
    """Only an administrator makes another project, or none, the owner."""

    code = "foreign-owner"


class ImageProtected(Forbidden):
    """The image is protected against deletion."""

    code = "image-protected"


async def create(parts: Parts, caller: Caller, document: Mapping[str, Any]) -> Image:
    """Record a new image without data. Raises what `new_image` raises, refusals, limits, `OverQuota`, `ImageExists`."""
    access = parts.protection.access(caller)
    image = new_image(document, project_id=caller.principal.project_id, now=utcnow(), formats=parts.formats)
    target = ImageTarget(image)
    if not caller.principal.is_admin and image.owner != caller.principal.project_id:
        raise ForeignOwner(f"Only an administrator creates images for another owner than {_project(caller)}.")
    parts.policy.require("add_image", caller, target)
    _require_visibility(parts, caller, image)
    for name in image.properties:
        access.require(Action.CREATE, name)
    _require_counts(parts, image)
    guard = await make_guard(parts)

    async def work(conn: Connection, budgets: Budgets) -> None:
        await guard.require(conn, image, {})
        await images.insert(conn, image)
        await require_growth(conn, budgets, None, image)

    await budgeted_write(parts, image.owner, work)
    return access.shown(image)


async def show(parts: Parts, caller: Caller, image_id: str) -> Image:
    """The image, without what the caller may not read of it. Raises `ImageNotFound`."""

    async def work(conn: Connection) -> Image:
        image, _ = await visible_image(conn, parts.policy, caller, image_id)
        return image

    return parts.protection.access(caller).shown(await parts.database.read(work))


async def update(
    parts: Parts,
    caller: Caller,
    image_id: str,
    operations: tuple[Operation, ...],
    *,
    locations: bool = False,
    asker: Asker = NOBODY,
) -> Image:
    """Apply a patch; whether it is allowed is decided on the resulting image, and only what it names is written.

    What the caller may not read of the image is not there for the patch, and stays as it is.

    `locations`: the operator lets callers handle locations, which are numbered in the order they are shown in. The data
    of one that is removed are deleted. A new signature of an image with data has to be that of the data; `asker`: for
    whom its certificate is fetched.

    Raises refusals, `PropertyNotAllowed`, what `patch.apply` raises, and what `Resigning` does.
    """
    access = parts.protection.access(caller)
    guard = await make_guard(parts)
    resigning = Resigning(parts, caller, asker)

    async def work(conn: Connection, budgets: Budgets) -> tuple[Image, list[Lease]]:
        before, target = await visible_image(conn, parts.policy, caller, image_id)
        parts.policy.require("modify_image", caller, target)
        _require_location_rules(parts, caller, target, operations)
        before = replace(before, locations=tuple(by_weight(parts.stores, before.locations)))
        after = _patched(parts, access, before, operations, locations=locations)
        if after == before:
            return before, []
        _require_result(parts, caller, before, after)
        await guard.require(conn, _known(access, before, after), before.properties)
        after = resigning.judged(before, after)
        kept = {location.id for location in after.locations}
        gone = [location for location in before.locations if location.id not in kept]
        pending = deletions(parts, before.id, gone, kept=after.locations)
        after = await images.update(conn, before, replace(after, updated_at=utcnow()))
        await require_growth(conn, budgets, before, after)
        for lease in pending:
            await leases.claim(conn, lease)
        return after, pending

    while True:
        try:
            image, pending = await budgeted_write(parts, caller.principal.project_id, work)
            break
        except NEEDS as needed:  # nothing is fetched or waited for while a transaction is open
            await resigning.look_up(needed)
    await remove_copies(parts, pending)
    return access.shown(image)


def _patched(
    parts: Parts, access: PropertyAccess, before: Image, operations: tuple[Operation, ...], *, locations: bool
) -> Image:
    """The image after the patch, with what the caller may not read of it."""
    if access.readable is None:
        return patch.apply(before, operations, parts.formats, locations=locations)
    shown = access.shown(before)
    hidden = before.properties.keys() - shown.properties.keys()

    def permit(effect: patch.Effect, name: str) -> None:
        access.require(Action(effect), name)
        if effect == "create" and name in hidden:  # the caller cannot know, but something would be overwritten
            access.require(Action.UPDATE, name)

    after = patch.apply(shown, operations, parts.formats, locations=locations, permit=permit)
    kept = {name: before.properties[name] for name in hidden}
    return replace(after, properties={**kept, **after.properties})


def _known(access: PropertyAccess, before: Image, after: Image) -> Image:
    """The image after a change, without what the caller neither sets nor may read: no refusal shall tell of it."""
    if access.readable is None:
        return after
    shown, was = access.shown(after).properties, before.properties
    kept = {name: value for name, value in after.properties.items() if name in shown or was.get(name) != value}
    return replace(after, properties=kept)


def _require_location_rules(
    parts: Parts, caller: Caller, target: ImageTarget, operations: tuple[Operation, ...]
) -> None:
    verbs = {operation.verb for operation in operations if operation.name == "locations"}
    if verbs - {"remove"}:
        parts.policy.require("set_image_location", caller, target)
    if "remove" in verbs:
        parts.policy.require("get_image_location", caller, target)
        parts.policy.require("delete_image_location", caller, target)


async def delete(parts: Parts, caller: Caller, image_id: str) -> None:
    """Delete the image, then its data; what a store does not remove within seconds the worker removes later.

    With `delayed_delete` the data of an image in use stay for a while, and it can be brought back. A task that is at
    work on the image notices, stops within seconds and removes what it wrote.

    Raises `ImageProtected`, refusals.
    """

    async def work(conn: Connection) -> list[Lease]:
        image, target = await visible_image(conn, parts.policy, caller, image_id)
        parts.policy.require("delete_image", caller, target)
        if image.protected:
            raise ImageProtected(f"Image {image.id} is protected; set protected to false before deleting it.")
        pending = await staged_leftovers(conn, parts, image)
        if parts.deletion.delayed_delete and image.locations and image.status in _KEPT:
            await images.delete(conn, image, Status.PENDING_DELETE)
            await kept_images.note(conn, image)
        else:
            pending += deletions(parts, image.id, image.locations)
            await images.delete(conn, image)
        for lease in pending:
            await leases.claim(conn, lease)
        return pending

    await remove_copies(parts, await guarded_write(parts, work))


def _require_result(parts: Parts, caller: Caller, before: Image, after: Image) -> None:
    if after.owner != before.owner and not caller.principal.is_admin:
        raise ForeignOwner("Only an administrator changes the owner of an image.")
    if after.visibility != before.visibility:
        _require_visibility(parts, caller, after)
    require_location_count(len(before.locations), len(after.locations), parts.limits.image_location_quota)
    _require_counts(parts, after)


def _require_visibility(parts: Parts, caller: Caller, image: Image) -> None:
    if image.visibility == Visibility.PUBLIC:
        parts.policy.require("publicize_image", caller, ImageTarget(image))
    elif image.visibility == Visibility.COMMUNITY:
        parts.policy.require("communitize_image", caller, ImageTarget(image))


def _require_counts(parts: Parts, image: Image) -> None:
    require_counts(
        image.properties,
        image.tags,
        property_limit=parts.limits.image_property_quota,
        tag_limit=parts.limits.image_tag_quota,
    )


def _project(caller: Caller) -> str:
    return f"project {caller.principal.project_id}"
