"""Images that a Glance left `saving`, `uploading` or `importing` when it died: finding them, and ending that.

This service ends its own work by its leases and tasks. A Glance has neither, and one may still run on the same
database; so only time tells that nobody is at work on such an image any more.
"""

import logging
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from intaglio.base.clock import utcnow
from intaglio.base.errors import IntaglioError
from intaglio.db.base import Connection
from intaglio.db.repos import images, leases, tasks
from intaglio.db.repos.leases import Lease
from intaglio.domain.image import Image
from intaglio.domain.status import Status
from intaglio.domain.task import FAILED_STORES, LOCK, PENDING_STORES, Task, TaskStatus
from intaglio.imports import staged
from intaglio.services.guarded import guarded_write
from intaglio.services.parts import Parts
from intaglio.services.removal import deletions, remove_copies
from intaglio.stores.base import NotFound, StoreError

IDLE_HOURS = 24.0
"""The default: so long nobody may have changed an image before it counts as left. A Glance's uploads take hours."""
STAGE_HOST = "os_glance_stage_host"
"""The property by which a Glance says which of its machines has the staged data."""
_BUSY = (Status.SAVING, Status.UPLOADING, Status.IMPORTING)
_AT_ONCE = 1000

_log = logging.getLogger(__name__)


class Remedy(StrEnum):
    """What is to be done."""

    QUEUE = "queue"  # data can be sent or imported anew
    NONE = "none"  # the staged data are there: they can be imported
    FETCH = "fetch"  # the staged data are on another machine, or in another directory


class Stuck(msgspec.Struct, frozen=True, kw_only=True):
    """One image that was left. `task_id` is the Glance's task about it; `fixed` whether it is queued now."""

    image_id: str
    name: str | None
    status: str
    since: datetime
    task_id: str | None = None
    host: str | None = None
    remedy: Remedy = Remedy.QUEUE
    reason: str
    fixed: bool = False


async def find(parts: Parts, idle_hours: float = IDLE_HOURS) -> list[Stuck]:
    """The images that nobody is at work on, the longest idle first in each status. Changes nothing."""
    before = utcnow() - timedelta(hours=idle_hours)

    async def work(conn: Connection) -> list[tuple[Image, Task | None]]:
        found = []
        for status in _BUSY:
            for image_id in await images.idle(conn, status, before, _AT_ONCE):
                left = await _left(conn, image_id, before)
                if left is not None:
                    found.append(left)
        return found

    return [await _described(parts, image, task) for image, task in await parts.database.survey(work)]


async def queue_again(parts: Parts, idle_hours: float = IDLE_HOURS, *, drop_staged: bool = False) -> list[Stuck]:
    """End what was left: the images are queued and their tasks failed, with the reason. What was found, and done.

    Images whose staged data are, or may be, somewhere are left, unless `drop_staged`. Objects that a store has of an
    image which is queued are removed when `intaglio store reconcile --fix` finds them.
    """
    done = []
    for stuck in await find(parts, idle_hours):
        if stuck.remedy is not Remedy.QUEUE and not drop_staged:
            done.append(stuck)
            continue
        before = utcnow() - timedelta(hours=idle_hours)
        done.append(replace(stuck, fixed=await _queued(parts, stuck, before)))
    return done


async def remind(parts: Parts) -> None:
    """Say in the log that there are such images, for as long as there are."""
    found = [stuck for stuck in await find(parts) if stuck.remedy is not Remedy.NONE]
    if found:
        _log.warning(
            "%d images, such as %s (%s), were left in the middle of something by a process that is gone: "
            "`intaglio image stuck` shows them, and with --fix ends that",
            len(found),
            found[0].image_id,
            found[0].status,
        )


async def _left(conn: Connection, image_id: str, before: datetime) -> tuple[Image, Task | None] | None:
    """The image and the task that holds it, unless somebody is at work on it."""
    image = await images.get(conn, image_id)
    if image is None or image.status not in _BUSY or await leases.of_image(conn, image.id):
        return None
    lock = image.properties.get(LOCK)
    task = None if lock is None else await tasks.get(conn, lock)
    if task is not None and not task.finished and (task.ours or task.updated_at >= before):
        return None
    if image.status is Status.UPLOADING and STAGE_HOST not in image.properties and lock is None:
        return None  # staged here, or by a Glance that is gone: it can be imported, and expires
    return image, task


async def _described(parts: Parts, image: Image, task: Task | None) -> Stuck:
    host = image.properties.get(STAGE_HOST)
    remedy, reason = Remedy.QUEUE, f"It was left {image.status} by a process that is gone."
    if image.status is Status.IMPORTING and task is not None:
        reason = f"Its import by a Glance has said nothing since {task.updated_at:%Y-%m-%d %H:%M} UTC."
    if image.status is Status.UPLOADING:
        if await _is_staged(parts, image.id):
            remedy, reason = Remedy.NONE, "Its data are staged here: import it with the method glance-direct."
        else:
            where = f" of {host}" if host else ""
            reason = f"Its data are not in the staging area of this service, but perhaps in that{where}: copy the file "
            reason += f"{image.id} from there into ours and import it, or queue it with --drop-staged."
            remedy = Remedy.FETCH
    return Stuck(
        image_id=image.id,
        name=image.name,
        status=image.status.value,
        since=image.updated_at,
        task_id=None if task is None else task.id,
        host=host,
        remedy=remedy,
        reason=reason,
    )


async def _is_staged(parts: Parts, image_id: str) -> bool:
    try:
        await staged.find(parts.staging, image_id)
    except NotFound:
        return False
    except StoreError:
        return True  # it cannot be seen now, so it is not given up
    return True


async def _queued(parts: Parts, stuck: Stuck, before: datetime) -> bool:
    """Queue an image that is still left; whether that was so."""

    async def work(conn: Connection) -> list[Lease] | None:
        left = await _left(conn, stuck.image_id, before)
        if left is None:
            return None
        image, task = left
        pending = deletions(parts, image.id, image.locations)
        await images.update(conn, image, _as_queued(image))
        for lease in pending:
            await leases.claim(conn, lease)
        if task is not None:
            await _fail(conn, parts, task)
        return pending

    pending = await guarded_write(parts, work)
    if pending is None:
        return False
    await remove_copies(parts, pending)
    try:
        await staged.remove(parts.staging, stuck.image_id)
    except IntaglioError:
        return True  # `store reconcile` tells of it
    return True


def _as_queued(image: Image) -> Image:
    taken = (image.properties.get(PENDING_STORES) or "").split(",")
    failed = dict.fromkeys([*(image.properties.get(FAILED_STORES) or "").split(","), *taken])
    gone = {LOCK, STAGE_HOST}
    properties = {name: value for name, value in image.properties.items() if name not in gone}
    if image.status is Status.IMPORTING:
        properties |= {PENDING_STORES: "", FAILED_STORES: ",".join(filter(None, failed))}
    return replace(
        image,
        status=Status.QUEUED,
        size=None,
        virtual_size=None,
        locations=(),
        properties=properties,
        updated_at=utcnow(),
    )


async def _fail(conn: Connection, parts: Parts, task: Task) -> None:
    now = utcnow()
    since = f"{task.updated_at:%Y-%m-%d %H:%M} UTC"
    said = f"It was given up: the process that did it is gone, and had said nothing since {since}."
    end = now + timedelta(hours=parts.task_settings.task_time_to_live)
    await tasks.finish(conn, task.id, TaskStatus.FAILURE, said, result=None, now=now, expires_at=end)
