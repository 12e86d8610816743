"""Sharing an image with other projects: the owner adds and removes members, each member accepts or rejects."""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from intaglio.authz.engine import Caller, ImageTarget
from intaglio.base.clock import utcnow
from intaglio.base.errors import Forbidden, NotFound
from intaglio.db.base import Connection
from intaglio.db.repos import images, members
from intaglio.domain.image import Image, Visibility
from intaglio.domain.member import Member, require_member_count
from intaglio.domain.member import member_id as checked_id
from intaglio.domain.member import member_status as checked_status
from intaglio.services.access import visible_image
from intaglio.services.guarded import guarded_write
from intaglio.services.parts import Parts
from intaglio.services.tenancy import tell


class NotShared(Forbidden):
    """Only an image whose visibility is `shared` has members."""

    code = "image-not-shared"


class MemberNotFound(NotFound):
    """The image is not shared with this project, or the caller may not know whether it is."""

    code = "member-not-found"


async def listed(parts: Parts, caller: Caller, image_id: str) -> Sequence[Member]:
    """The members that the caller may know of: all for the owner, itself for a member. Raises refusals, `NotShared`."""

    async def work(conn: Connection) -> Sequence[Member]:
        image, target = await _shared_image(conn, parts, caller, image_id)
        parts.policy.require("get_members", caller, target)
        if not parts.policy.allows("get_member", caller, target):
            return ()
        return await members.of_image(conn, image.id, only=_horizon(caller, image))

    return await parts.database.read(work)


async def show(parts: Parts, caller: Caller, image_id: str, member_id: str) -> Member:
    """One member. Whatever stands in the way is answered as if it did not exist: `ImageNotFound`, `MemberNotFound`."""

    async def work(conn: Connection) -> Member:
        image, target = await visible_image(conn, parts.policy, caller, image_id)
        if image.visibility != Visibility.SHARED:
            raise _not_found(image, member_id)
        if not parts.policy.allows("get_member", caller, target):
            parts.policy.refused("get_member", caller, target)
            raise _not_found(image, member_id)
        return await _known(conn, caller, image, member_id)

    return await parts.database.read(work)


async def add(parts: Parts, caller: Caller, image_id: str, member: object) -> Member:
    """Share the image with a project.

    Raises `InvalidValue`, refusals, `NotShared`, `TooManyMembers`, `MemberExists`.
    """
    member_id = checked_id(member)

    async def work(conn: Connection) -> Member:
        image, target = await _shared_image(conn, parts, caller, image_id)
        parts.policy.require("add_member", caller, target)
        await images.claim(conn, image)
        limit = parts.limits.image_member_quota
        if limit >= 0:
            require_member_count(len(await members.of_image(conn, image.id)) + 1, limit)
        now = _now()
        new = Member(image_id=image.id, member_id=member_id, created_at=now, updated_at=now)
        await members.add(conn, new)
        return new

    added = await guarded_write(parts, work)
    await tell(parts, image_id)
    return added


async def set_status(parts: Parts, caller: Caller, image_id: str, member_id: str, status: object) -> Member:
    """Accept or reject a shared image, or leave that open again.

    Raises refusals, `NotShared`, `MemberNotFound`, `InvalidValue`.
    """

    async def work(conn: Connection) -> Member:
        image, target = await _shared_image(conn, parts, caller, image_id)
        before = await _require_known(conn, parts, caller, image, target, member_id)
        parts.policy.require("modify_member", caller, target)
        after = replace(before, status=checked_status(status), updated_at=_now())
        await images.claim(conn, image)
        await members.set_status(conn, before, after.status, after.updated_at)
        return after

    return await guarded_write(parts, work)


async def remove(parts: Parts, caller: Caller, image_id: str, member_id: str) -> None:
    """Stop sharing the image with a project. Raises refusals, `NotShared`, `MemberNotFound`."""

    async def work(conn: Connection) -> None:
        image, target = await _shared_image(conn, parts, caller, image_id)
        member = await _require_known(conn, parts, caller, image, target, member_id)
        parts.policy.require("delete_member", caller, target)
        await images.claim(conn, image)
        await members.remove(conn, member, _now())

    await guarded_write(parts, work)
    await tell(parts, image_id)


async def _shared_image(conn: Connection, parts: Parts, caller: Caller, image_id: str) -> tuple[Image, ImageTarget]:
    image, target = await visible_image(conn, parts.policy, caller, image_id)
    if image.visibility != Visibility.SHARED:
        raise NotShared(f"Image {image.id} is {image.visibility}; only an image that is shared has members.")
    return image, target


async def _require_known(
    conn: Connection, parts: Parts, caller: Caller, image: Image, target: ImageTarget, member_id: str
) -> Member:
    parts.policy.require("get_member", caller, target)
    return await _known(conn, caller, image, member_id)


async def _known(conn: Connection, caller: Caller, image: Image, member_id: str) -> Member:
    horizon = _horizon(caller, image)
    member = await members.find(conn, image.id, member_id) if horizon in {None, member_id} else None
    if member is None:
        raise _not_found(image, member_id)
    return member


def _horizon(caller: Caller, image: Image) -> str | None:
    """The only project whose membership the caller learns of: its own, unless it owns the image or is an admin."""
    principal = caller.principal
    if principal.is_admin or (image.owner is not None and image.owner == principal.project_id):
        return None
    return principal.project_id or ""


def _now() -> datetime:
    """In whole seconds, as each of the databases keeps it."""
    return utcnow().replace(microsecond=0)


def _not_found(image: Image, member_id: str) -> MemberNotFound:
    return MemberNotFound(f"Image {image.id} is not shared with {member_id[:80]}.")
