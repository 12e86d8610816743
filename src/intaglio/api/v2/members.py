"""The members of an image: the projects it is shared with."""

from typing import Any

from starlette.responses import Response

from intaglio.api.call import Call, InvalidBody
from intaglio.api.responses import json_response
from intaglio.api.v2.image_view import timestamp
from intaglio.domain.member import Member
from intaglio.services import members


def member_view(member: Member) -> dict[str, Any]:
    """The member as the Images API v2 shows it."""
    return {
        "member_id": member.member_id,
        "image_id": member.image_id,
        "status": member.status,
        "created_at": timestamp(member.created_at),
        "updated_at": timestamp(member.updated_at),
        "schema": "/v2/schemas/member",
    }


async def list_members(call: Call) -> Response:
    found = await members.listed(call.parts, call.caller, call.path["image_id"])
    return json_response({"members": [member_view(member) for member in found], "schema": "/v2/schemas/members"})


async def add(call: Call) -> Response:
    wanted = await _field(call, "member", '{"member": "<project id>"}')
    member = await members.add(call.parts, call.caller, call.path["image_id"], wanted)
    return json_response(member_view(member))


async def show(call: Call) -> Response:
    member = await members.show(call.parts, call.caller, call.path["image_id"], call.path["member_id"])
    return json_response(member_view(member))


async def set_status(call: Call) -> Response:
    status = await _field(call, "status", '{"status": "accepted"}')
    member = await members.set_status(call.parts, call.caller, call.path["image_id"], call.path["member_id"], status)
    return json_response(member_view(member))


async def remove(call: Call) -> Response:
    await members.remove(call.parts, call.caller, call.path["image_id"], call.path["member_id"])
    return Response(status_code=204)


async def _field(call: Call, name: str, example: str) -> object:
    body = await call.json_object()
    if name not in body:
        raise InvalidBody(f"The body has no '{name}'; it is of the form {example}.")
    return body[name]
