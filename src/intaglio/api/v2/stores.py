"""One store at a time: giving up the copy of an image that it holds."""

from starlette.responses import Response

from intaglio.api.call import Call
from intaglio.services import stores


async def drop_copy(call: Call) -> Response:
    await stores.drop_copy(call.parts, call.caller, call.path["store_id"], call.path["image_id"])
    return Response(status_code=204)
