"""The steps of a flow: each is done at least once, and never again once its result is in the journal."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from dbos import DBOS, Serializer

from intaglio.base.errors import IntaglioError
from intaglio.flows.base import Json, StepFailed

_log = logging.getLogger(__name__)


class JsonJournal(Serializer):
    """What is journalled is JSON: readable by a person and by another release, and nothing in it can be executed."""

    def serialize(self, data: Any) -> str:
        if isinstance(data, BaseException):
            data = {"error": str(data), "kind": type(data).__name__}
        return msgspec.json.encode(data).decode()

    def deserialize(self, serialized_data: str) -> Any:
        return msgspec.json.decode(serialized_data)

    def name(self) -> str:
        return "intaglio_json"


async def step(name: str, work: Callable[[], Awaitable[Json]]) -> Json:
    """Do `work` once in the life of the flow that runs; later calls return what it returned, also after a crash.

    A process that dies inside `work` leaves the step undone: it is begun again, so `work` must bear that. Raises
    `StepFailed` for every error, and again whenever the flow is resumed: a step that failed is finished, too.
    """

    async def journalled() -> dict[str, Json]:
        try:
            return {"value": await work()}
        except IntaglioError as error:
            return {"error": error.code, "reason": str(error)}
        except Exception as error:  # noqa: BLE001 - a defect must end the flow's work visibly, too
            _log.exception("step %s failed because of a defect", name)
            return {"error": "defect", "reason": f"The service failed inside ({type(error).__name__}); see its log."}

    done = await DBOS.run_step_async({"name": name}, journalled)
    if "error" in done:
        raise StepFailed(name, str(done["error"]), str(done["reason"]))
    return done["value"]
