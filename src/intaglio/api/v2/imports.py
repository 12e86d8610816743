"""Staging data, importing them, and the tasks that imports are."""

from starlette.responses import Response

from intaglio.api.call import Call
from intaglio.api.responses import json_response
from intaglio.api.v2.data import announced_size, body, content_length, require_binary
from intaglio.api.v2.info import import_methods_of
from intaglio.api.v2.tasks import image_task_view
from intaglio.base.errors import NotFound
from intaglio.services import importing, staging, tasks


class StagingOff(NotFound):
    """Data are staged only where the import method glance-direct is enabled."""

    code = "staging-off"


async def stage(call: Call) -> Response:
    if "glance-direct" not in import_methods_of(call):
        raise StagingOff("Staging is off here: the import method glance-direct is not enabled.")
    require_binary(call)
    await staging.stage(
        call.parts,
        call.caller,
        call.path["image_id"],
        body(call),
        announced_size=announced_size(call),
        content_length=content_length(call),
    )
    return Response(status_code=204)


async def start(call: Call) -> Response:
    task_id = await importing.start(
        call.parts,
        call.caller,
        call.path["image_id"],
        await call.json_object(),
        offered=import_methods_of(call),
        header_store=call.request.headers.get("x-image-meta-store"),
        asker=call.asker,
    )
    return Response(status_code=202, headers={"X-Intaglio-Task": task_id})


async def cancel(call: Call) -> Response:
    task_id = await importing.cancel(call.parts, call.caller, call.path["image_id"])
    return Response(status_code=202, headers={"X-Intaglio-Task": task_id})


async def list_tasks(call: Call) -> Response:
    found = await tasks.of_image(call.parts, call.caller, call.path["image_id"])
    return json_response({"tasks": [image_task_view(task) for task in found]})
