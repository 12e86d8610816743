"""Waiting for the end of an import, by the public API alone: by events where there are some, otherwise by asking again.

A service that is restarted meanwhile is waited for, as its imports go on.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from intaglio.client.cloud import CallFailed, CloudUnreachable, ImageService, NoSuchImage

LONGEST_OUTAGE = 120.0  # seconds for which a service that does not answer is asked again
_PAUSE_SECONDS = 1.0
_ENDED = {"success", "failure"}

Tell = Callable[[Mapping[str, Any]], None]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How an import ended. `status` is the task's, `image_status` None for an image that is gone."""

    image_id: str
    task_id: str | None
    status: str
    message: str
    image_status: str | None


def await_import(service: ImageService, image_id: str, task_id: str | None, tell: Tell) -> Outcome:
    """Wait until the task has ended; `tell` gets it, as the service shows it, whenever there is something new.

    Without `task_id` (a service that does not say it) the image's newest task is meant. Raises `CloudUnreachable` or
    `CallFailed` when the service stays away for two minutes.
    """
    waiting = _Waiting(service, image_id, task_id, tell)
    while True:
        try:
            if waiting.followed() or waiting.asked():
                return waiting.outcome()
            waiting.here()
        except NoSuchImage:
            return waiting.outcome(gone=True)
        except (CloudUnreachable, CallFailed) as error:
            waiting.away(error)
        time.sleep(_PAUSE_SECONDS)


class _Waiting:
    def __init__(self, service: ImageService, image_id: str, task_id: str | None, tell: Tell) -> None:
        self._service = service
        self._image_id = image_id
        self._task_id = task_id
        self._tell = tell
        self._task: Mapping[str, Any] = {}
        self._last_id = ""
        self._away_since: float | None = None

    def followed(self) -> bool:
        """Listen to events while there are some; whether the task has ended."""
        for event in self._service.events(self._image_id, self._last_id):
            self.here()
            self._last_id = event.id
            if event.kind == "end" and event.data.get("status") == "deleted":
                raise NoSuchImage("The image was deleted.")
            if event.kind == "task" and self._take(event.data, str(event.data.get("task_id"))):
                return True
        return False

    def asked(self) -> bool:
        """Ask for the image's tasks; whether the one that is meant has ended."""
        for task in self._service.tasks(self._image_id):
            if self._task_id in {None, task["id"]}:
                return self._take(task, str(task["id"]))
        return False

    def _take(self, task: Mapping[str, Any], task_id: str) -> bool:
        if self._task_id not in {None, task_id}:
            return False
        self._task_id = task_id
        self._task = task
        self._tell(task)
        return task["status"] in _ENDED

    def here(self) -> None:
        """The service answers."""
        self._away_since = None

    def away(self, error: CloudUnreachable | CallFailed) -> None:
        """It does not; raise that when it has not for long."""
        now = time.monotonic()
        self._away_since = self._away_since or now
        if now - self._away_since > LONGEST_OUTAGE:
            raise error

    def outcome(self, *, gone: bool = False) -> Outcome:
        """How the import ended."""
        return Outcome(
            image_id=self._image_id,
            task_id=self._task_id,
            status="failure" if gone else str(self._task["status"]),
            message="The image was deleted." if gone else str(self._task["message"] or ""),
            image_status=None if gone else str(self._service.get(self._image_id)["status"]),
        )
