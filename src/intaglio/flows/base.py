"""What a flow is to those who write one: a function of its id, made of steps."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from intaglio.base.errors import Unavailable

Json = dict[str, Any] | list[Any] | str | int | float | bool | None


class StepFailed(Unavailable):
    """A step ended with an error, now or before the process that ran it died. Carries the original's code and text."""

    code = "step-failed"

    def __init__(self, step: str, code: str, reason: str) -> None:
        super().__init__(reason)
        self.step = step
        self.reason_code = code


class Flow(msgspec.Struct, frozen=True):
    """One kind of durable work.

    `run` gets the flow's id and decides only by what its steps returned: after a crash it is run again from its top,
    finished steps answering from the journal. What it raises is logged as a defect; a failure that users should hear of
    is written down by one of its steps.
    """

    name: str
    run: Callable[[str], Awaitable[None]]
