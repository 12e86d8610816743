"""Receipts of images, and the certificates that they are verified by."""

from starlette.responses import Response

from intaglio.api.call import Call
from intaglio.api.responses import json_response
from intaglio.api.v2.image_view import timestamp
from intaglio.services import receipts

MEDIA_TYPE = "application/vnd.dsse.envelope.v1+json"


async def show(call: Call) -> Response:
    """The envelope as it is kept, byte for byte."""
    found = await receipts.show(call.parts, call.caller, call.path["image_id"])
    headers = {"X-Intaglio-Keyid": found.keyid}
    return Response(found.envelope, 200, headers, media_type=MEDIA_TYPE)


async def certificates(call: Call) -> Response:
    found = await receipts.certificates(call.parts)
    return json_response(
        {
            "certificates": [
                {
                    "keyid": each.keyid,
                    "certificate_sha256": each.fingerprint,
                    "certificate": each.pem,
                    "since": timestamp(each.since),
                }
                for each in found
            ]
        }
    )
