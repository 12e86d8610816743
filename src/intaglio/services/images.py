"""Creating, showing, changing and deleting image records."""

from collections.abc import Mapping
from typing import Any

import msgspec
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
from intaglio.domain.patch_locations import Admit
from intaglio.domain.properties import require_counts, require_location_count
from intaglio.domain.status import Status
from intaglio.services.access import visible_image
from intaglio.services.copies import by_weight
from intaglio.services.guarded import guarded_write
from intaglio.services.parts import Parts
from intaglio.services.patched_locations import Known, Looked, Unknown, admitting, look, note_verdict
from intaglio.services.quota import Budgets, budgeted_write, require_growth
from intaglio.services.removal import deletions, remove_copies
from intaglio.services.resigning import NEEDS, Resigning
from intaglio.services.staging import staged_leftovers
from intaglio.services.tenancy import tell
from intaglio.services.vocabulary import Guard, make_guard
from intaglio.signatures.base import NOBODY, Asker

_MOST_LOOKS = 30  # attempts at one request: one for each location that it adds, and some for what others do
_KEPT = {Status.ACTIVE, Status.DEACTIVATED}
_WHO_READS = frozenset({"visibility", "locations"})  # fields by which stores let others read


class ForeignOwner(Forbidden):
    """Only an administrator makes another project, or none, the owner."""

    code = "foreign-owner"


class ImageProtected(Forbidden):
    """The image is protected against deletion."""

    code = "image-protected"


async def create(parts: Parts, caller: Caller, document: Mapping[str, Any]) -> Image:
    """Record a new image without data. Raises what `draft` and `Draft.record` raise."""
    new = await draft(parts, caller, document)
    await budgeted_write(parts, new.image.owner, new.record)
    return parts.protection.access(caller).shown(new.image)


class Draft(msgspec.Struct, frozen=True):
    """A new image that its caller may have, not recorded yet."""

    image: Image
    guard: Guard

    async def record(self, conn: Connection, budgets: Budgets) -> Image:
        """Record the image, which is returned as it is recorded.

        Raises `OverQuota`, `ImageExists`, `PropertyNotAllowed`.
        """
        await self.guard.require(conn, self.image, {})
        recorded = await images.insert(conn, self.image)
        await require_growth(conn, budgets, None, self.image)
        return recorded


async def draft(parts: Parts, caller: Caller, document: Mapping[str, Any]) -> Draft:
    """The image that `document` describes. Raises what `new_image` raises, refusals, limits."""
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
    return Draft(image, await make_guard(parts))


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
    of one that is removed are deleted; those of one that is added are looked at first, as far as it takes. A new
    signature of an image with data has to be that of the data; `asker`: for whom its certificate is fetched.

    Raises refusals, `PropertyNotAllowed`, `Superseded`, what `patch.apply` and `patched_locations` raise, and what
    `Resigning` does.
    """
    known: dict[str, Looked] = {}
    resigning = Resigning(parts, caller, asker)
    for _ in range(_MOST_LOOKS):
        try:
            return await _update(parts, caller, image_id, operations, known if locations else None, resigning)
        except Unknown as unknown:
            known[unknown.given.url] = await look(parts, unknown)
    raise images.Superseded("The image kept being changed while its new locations were looked at; try again.")


async def _update(
    parts: Parts,
    caller: Caller,
    image_id: str,
    operations: tuple[Operation, ...],
    known: Known | None,
    resigning: Resigning,
) -> Image:
    """One attempt, with what is `known` of the locations that are added; None: locations may not be handled."""
    access = parts.protection.access(caller)
    guard = await make_guard(parts)
    admit = None if known is None else admitting(parts, caller, known)

    async def work(conn: Connection, budgets: Budgets) -> tuple[Image, list[Lease]]:
        before, target = await visible_image(conn, parts.policy, caller, image_id)
        parts.policy.require("modify_image", caller, target)
        _require_location_rules(parts, caller, target, operations)
        before = replace(before, locations=tuple(by_weight(parts.stores, before.locations)))
        after = _patched(parts, access, before, operations, admit)
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
        await note_verdict(conn, parts, before, after, known or {})
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
    if any(operation.name in _WHO_READS for operation in operations):
        await tell(parts, image.id)
    return access.shown(image)


def _patched(
    parts: Parts, access: PropertyAccess, before: Image, operations: tuple[Operation, ...], admit: Admit | None
) -> Image:
    """The image after the patch, with what the caller may not read of it."""
    if access.readable is None:
        return patch.apply(before, operations, parts.formats, admit=admit)
    shown = access.shown(before)
    hidden = before.properties.keys() - shown.properties.keys()

    def permit(effect: patch.Effect, name: str) -> None:
        access.require(Action(effect), name)
        if effect == "create" and name in hidden:  # the caller cannot know, but something would be overwritten
            access.require(Action.UPDATE, name)

    after = patch.apply(shown, operations, parts.formats, admit=admit, permit=permit)
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
