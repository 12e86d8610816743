"""The locations of an image by calls of their own: for services, and for users with data on the web."""

from starlette.responses import Response

from intaglio.api.call import Call
from intaglio.api.responses import json_response
from intaglio.services import locations


async def add(call: Call) -> Response:
    task_id = await locations.add(
        call.parts, call.caller, call.path["image_id"], await call.json_object(), asker=call.asker
    )
    return Response(status_code=202, headers={"X-Intaglio-Task": task_id})


async def list_locations(call: Call) -> Response:
    found = await locations.listed(call.parts, call.caller, call.path["image_id"])
    return json_response([{"url": each.public_uri, "metadata": each.metadata} for each in found])
