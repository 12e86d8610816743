"""The tags of an image, one at a time."""

from starlette.responses import Response

from intaglio.api.call import Call
from intaglio.services import tags


async def add(call: Call) -> Response:
    await tags.add(call.parts, call.caller, call.path["image_id"], call.path["tag"])
    return Response(status_code=204)


async def remove(call: Call) -> Response:
    await tags.remove(call.parts, call.caller, call.path["image_id"], call.path["tag"])
    return Response(status_code=204)
