"""What happens to one image, told as it happens: its status, the tasks about it, and that nothing more is under way.

What is told is a state: who comes back after a break gets what is there then, unless that is what was told last.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from enum import StrEnum

import msgspec

from intaglio.authz.engine import Caller, ImageTarget
from intaglio.base.clock import utcnow
from intaglio.base.errors import Unavailable
from intaglio.db.base import Connection
from intaglio.domain.image import Image, Visibility
from intaglio.domain.status import Status
from intaglio.domain.task import FAILED_STORES, PENDING_STORES, Progress, Task, TaskStatus
from intaglio.services.access import membership, shown_to, visible_image
from intaglio.services.changes import State, Watcher
from intaglio.services.parts import Parts

HEARTBEAT_SECONDS = 15.0
LONGEST_SECONDS = 3600.0
"""Who has listened for so long has to ask again: credentials are looked at anew then."""
_SILENT = timedelta(minutes=60)  # as long as a task counts that a Glance records

_WITH_DATA = {Status.ACTIVE, Status.DEACTIVATED, Status.KILLED}
_WITHOUT = {Status.QUEUED, Status.UPLOADING}


class EventsLate(Unavailable):
    """The database does not say in time what there is to tell of an image."""

    code = "events-late"


class EventKind(StrEnum):
    """What an event is about."""

    IMAGE = "image"
    TASK = "task"
    END = "end"


class ImageEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An image as it is now; sizes are bytes. The stores are those still to be filled, and those that failed."""

    image_id: str
    status: str
    size: int | None
    importing_to_stores: tuple[str, ...] = ()
    failed_stores: tuple[str, ...] = ()


class TaskEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A task as it is now."""

    task_id: str
    image_id: str | None
    type: str
    status: TaskStatus
    message: str
    progress: Progress | None


class EndEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing is under way any more. `status` is the image's, `deleted` also for one that is no longer to be seen."""

    image_id: str
    status: str


async def visible_id(parts: Parts, caller: Caller, image_id: str) -> str:
    """The id of the image as it is stored. Raises `ImageNotFound`."""
    image, _ = await parts.database.read(lambda conn: visible_image(conn, parts.policy, caller, image_id))
    return image.id


def place(parts: Parts, caller: Caller, image_id: str) -> AbstractContextManager[Watcher]:
    """A place among those who wait for changes of an image. Raises `TooManyWatch`."""
    principal = caller.principal
    return parts.changes.watching(image_id, principal.user_id or principal.project_id or "")


Event = ImageEvent | TaskEvent | EndEvent


class Batch(msgspec.Struct, frozen=True):
    """Events of one moment, and the mark by which who has seen them says so when coming back."""

    events: Sequence[Event]
    mark: str


class Listener:
    """One caller who listens to what happens to one image. `seen` is the mark of what it was told before."""

    def __init__(self, parts: Parts, caller: Caller, watcher: Watcher, seen: str | None) -> None:
        self._parts = parts
        self._caller = caller
        self._watcher = watcher
        self._mark = seen
        self._image: ImageEvent | None = None
        self._tasks: dict[str, TaskEvent] = {}
        self._state = State(None, ())

    async def begin(self) -> bool:
        """Look at the image; False when it has settled and the listener knows that. Raises `EventsLate`."""
        try:
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                self._state = await self._watcher.next()
        except TimeoutError:
            raise EventsLate("What happens to images cannot be seen at this moment. Try again.") from None
        image = self._state.image
        return image is None or not settled(image, self._state.tasks) or self._marked(image) != self._mark

    async def batches(self) -> AsyncGenerator[Batch | None, None]:
        """What there is to tell, None now and then when there is nothing; ends when the image has settled."""
        while True:
            image = await self._visible()
            if image is None:
                yield Batch((EndEvent(image_id=self._watcher.image_id, status=Status.DELETED.value),), "")
                return
            ended = settled(image, self._state.tasks)
            mark = self._marked(image)
            events: list[Event] = list(self._news(image)) if mark != self._mark else []
            if ended:
                events.append(EndEvent(image_id=image.id, status=image.status.value))
            self._mark = mark
            if events:
                yield Batch(events, mark)
            if ended:
                return
            while not await self._changed():
                yield None

    async def _changed(self) -> bool:
        try:
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                self._state = await self._watcher.next()
        except TimeoutError:
            return False
        return True

    async def _visible(self) -> Image | None:
        """The image, if it is still there and the caller may still see it."""
        image = self._state.image
        if image is None:
            return None

        async def work(conn: Connection, image: Image = image) -> str | None:
            return await membership(conn, self._caller, image)

        member_id = await self._parts.database.read(work) if self._is_foreign(image) else None
        allowed = self._parts.policy.allows("get_image", self._caller, ImageTarget(image, member_id=member_id))
        if not allowed or not shown_to(self._caller, image, member_id):
            return None
        return self._parts.protection.access(self._caller).shown(image)

    def _is_foreign(self, image: Image) -> bool:
        return image.visibility is Visibility.SHARED and image.owner != self._caller.principal.project_id

    def _marked(self, image: Image) -> str:
        shown = (_image_event(image), [_task_event(task) for task in self._own_tasks()])
        return hashlib.blake2b(msgspec.json.encode(shown), digest_size=8).hexdigest()

    def _own_tasks(self) -> tuple[Task, ...]:
        """The tasks that the caller may see: its project's, or all."""
        principal = self._caller.principal
        return tuple(task for task in self._state.tasks if principal.is_admin or task.owner == principal.project_id)

    def _news(self, image: Image) -> Iterator[Event]:
        shown = _image_event(image)
        if shown != self._image:
            self._image = shown
            yield shown
        for task in self._own_tasks():
            event = _task_event(task)
            if self._tasks.get(task.id) != event:
                self._tasks[task.id] = event
                yield event


def settled(image: Image, tasks: Sequence[Task]) -> bool:
    """Whether nothing is under way with an image. One without data that nobody tried to import waits for them."""
    if any(_alive(task) for task in tasks):
        return False
    return image.status in _WITH_DATA or (image.status in _WITHOUT and bool(tasks))


def _alive(task: Task) -> bool:
    return not task.finished and (task.ours or utcnow() - task.updated_at < _SILENT)


def _image_event(image: Image) -> ImageEvent:
    return ImageEvent(
        image_id=image.id,
        status=image.status.value,
        size=image.size,
        importing_to_stores=_names(image.properties, PENDING_STORES),
        failed_stores=_names(image.properties, FAILED_STORES),
    )


def _task_event(task: Task) -> TaskEvent:
    return TaskEvent(
        task_id=task.id,
        image_id=task.image_id,
        type=task.type.value,
        status=task.status,
        message=task.message,
        progress=task.progress,
    )


def _names(properties: Mapping[str, str | None], name: str) -> tuple[str, ...]:
    return tuple(store for store in (properties.get(name) or "").split(",") if store)
