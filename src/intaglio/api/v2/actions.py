"""Taking an image out of use, and back."""

from starlette.responses import Response

from intaglio.api.call import Call
from intaglio.services import actions


async def deactivate(call: Call) -> Response:
    await actions.deactivate(call.parts, call.caller, call.path["image_id"])
    return Response(status_code=204)


async def reactivate(call: Call) -> Response:
    await actions.reactivate(call.parts, call.caller, call.path["image_id"])
    return Response(status_code=204)
