"""Signatures that were verified on an image's way in."""

from starlette.responses import Response

from intaglio.api.call import Call
from intaglio.api.responses import json_response
from intaglio.api.v2.image_view import timestamp
from intaglio.services import evidence


async def show(call: Call) -> Response:
    found = await evidence.show(call.parts, call.caller, call.path["image_id"])
    return json_response(
        {
            "evidence": [
                {**each.document, "evidence": each.kind, "recorded_at": timestamp(each.recorded_at)} for each in found
            ]
        }
    )
