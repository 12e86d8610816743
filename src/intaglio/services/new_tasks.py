"""Tasks as requests record them: whose, about which image, and what they are to do."""

import uuid
from collections.abc import Mapping
from typing import Any

from intaglio.authz.engine import Caller
from intaglio.base.clock import utcnow
from intaglio.base.log import request_id
from intaglio.domain.task import Task, TaskStatus, TaskType


def new_task(caller: Caller, kind: TaskType, image_id: str | None, given: Mapping[str, Any]) -> Task:
    """A task that waits for a worker, with an id of its own; `given` is its input."""
    now = utcnow()
    return Task(
        id=str(uuid.uuid4()),
        type=kind,
        status=TaskStatus.PENDING,
        owner=caller.principal.project_id or "",
        created_at=now,
        updated_at=now,
        image_id=image_id,
        request_id=request_id.get(),
        user_id=caller.principal.user_id,
        input=given,
    )
