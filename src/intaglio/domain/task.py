"""A task: work that a request asked for and did not wait for (Images API v2, "Tasks")."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from intaglio.domain.query import Direction

LOCK = "os_glance_import_task"
"""The property by which an image names the task that is at work on it."""
PENDING_STORES = "os_glance_importing_to_stores"
"""The property that lists, with commas, the stores a running task has still to fill."""
FAILED_STORES = "os_glance_failed_import"
"""The property that lists those that the last task could not fill."""
KEEPS = "keeps_properties"
"""The member of a task's input that is true when an administrator asked: what the image says already is left."""

TASK_SORT_KEYS = ("id", "type", "status", "created_at", "updated_at", "expires_at")


class TaskStatus(StrEnum):
    """How far a task is; it only goes forward."""

    PENDING = "pending"
    PROCESSING = "processing"
    SUCCESS = "success"
    FAILURE = "failure"


class TaskType(StrEnum):
    """What a task does, by Glance's names."""

    IMPORT = "import"
    API_IMAGE_IMPORT = "api_image_import"
    LOCATION_IMPORT = "location_import"


UNFINISHED = (TaskStatus.PENDING, TaskStatus.PROCESSING)


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far the step is that a task is in. Sizes are bytes, times naive UTC; `total` is None when it is not known.

    `skipped` of the bytes done were there before the step began, left by an attempt that was interrupted.
    """

    step: str
    done: int
    total: int | None
    skipped: int = 0
    began_at: datetime
    at: datetime

    @property
    def rate(self) -> float | None:
        """Bytes a second since the step began, None until that can be said."""
        seconds = (self.at - self.began_at).total_seconds()
        return (self.done - self.skipped) / seconds if self.done > self.skipped and seconds > 0 else None

    @property
    def remaining(self) -> timedelta | None:
        """How long it still takes at this rate, None when that cannot be said."""
        if self.rate is None or self.total is None:
            return None
        return timedelta(seconds=max(0, self.total - self.done) / self.rate)


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One task. Times are naive UTC. `ours`: recorded by this service, whose workers do it; else Glance's own."""

    id: str
    type: TaskType
    status: TaskStatus
    owner: str
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None = None
    image_id: str | None = None
    request_id: str | None = None
    user_id: str | None = None
    input: Mapping[str, Any] | None = None
    result: Mapping[str, Any] | None = None
    message: str = ""
    progress: Progress | None = None
    cancelled: bool = False
    ours: bool = True

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen."""
        return self.status not in UNFINISHED


class TaskQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller asks of the list of tasks."""

    owner: str | None  # only this project's; None: everybody's
    sort_key: str = "created_at"
    direction: Direction = Direction.DESC
    limit: int = 25
    marker: str | None = None  # the id after which the page starts
    status: TaskStatus | None = None
    type: TaskType | None = None
