"""The bytes of an image: up and down."""

import re
from collections.abc import AsyncIterator

from starlette.responses import Response

from intaglio.api.call import Call
from intaglio.api.ranges import BadRange, Part, requested_part
from intaglio.api.responses import FileResponse, StreamResponse
from intaglio.base.errors import Invalid, UnsupportedMedia
from intaglio.services import download, upload

_BINARY = "application/octet-stream"


class NotBinary(UnsupportedMedia):
    """Image data are sent as application/octet-stream."""

    code = "not-binary"


class InvalidSizeHeader(Invalid):
    """The header that announces the image's size does not hold a number of bytes."""

    code = "invalid-size-header"


async def put(call: Call) -> Response:
    headers = call.request.headers
    require_binary(call)
    await upload.upload(
        call.parts,
        call.caller,
        call.path["image_id"],
        body(call),
        announced_size=announced_size(call),
        content_length=content_length(call),
        store_id=headers.get("x-image-meta-store"),
        asker=call.asker,
    )
    return Response(status_code=204)


def require_binary(call: Call) -> None:
    """Raise `NotBinary` unless the body is said to be one of bytes."""
    if re.split(r"[;\s]", call.request.headers.get("content-type", ""), maxsplit=1)[0].lower() != _BINARY:
        raise NotBinary(f"Image data must be sent with Content-Type: {_BINARY}.")


def announced_size(call: Call) -> int | None:
    """The bytes that x-openstack-image-size promises. Raises `InvalidSizeHeader`."""
    announced = call.request.headers.get("x-openstack-image-size")
    return None if announced is None else _byte_count("x-openstack-image-size", announced)


def content_length(call: Call) -> int | None:
    """The length of the body where it is known. Raises `InvalidSizeHeader`."""
    value = call.request.headers.get("content-length")
    return None if value is None else _byte_count("Content-Length", value)


def _byte_count(name: str, value: str) -> int:
    if re.fullmatch(r"\d{1,18}", value.strip()):
        return int(value)
    raise InvalidSizeHeader(f"The header {name} must be a number of bytes, not '{value[:80]}'.")


async def body(call: Call) -> AsyncIterator[bytes]:
    """The request's body as it arrives. Raises `upload.ClientGone` when the connection ends before the body does."""
    receive = call.request.receive
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise upload.ClientGone("The client closed the connection before all data had arrived.")
        if message.get("body"):
            yield message["body"]
        if not message.get("more_body"):
            return


def _preferred(call: Call) -> list[str]:
    lists = call.request.query_params.getlist("prefer")
    return [store_id for given in lists for store_id in given.split(",")]


async def get(call: Call) -> Response:
    headers = call.request.headers
    image, data = await download.find(call.parts, call.caller, call.path["image_id"], _preferred(call))
    wanted = headers.get("range"), headers.get("content-range")
    if data is None:
        if wanted != (None, None):
            raise BadRange("The image has no data yet, so no part of it can be read.", 0)
        return Response(status_code=204)
    part = requested_part(data.size, *wanted)
    head = {"Content-Type": _BINARY, "Accept-Ranges": "bytes"}
    if image.checksum and part is None:
        head["Content-MD5"] = image.checksum  # of the whole: beside a part it would say something false
    if call.request.method == "HEAD":
        return _head(head, data.size, part)
    if part is not None:
        head["Content-Range"] = part.content_range
        return StreamResponse(await data.read(part.start, part.length), part.length, 206, head)
    if data.path is not None and "http.response.pathsend" in call.request.scope.get("extensions", {}):
        data.sent_as_file(call.parts.counts)
        return FileResponse(data.path, data.size, head)
    return StreamResponse(await data.read(0, data.size), data.size, 200, head)


def _head(head: dict[str, str], size: int, part: Part | None) -> Response:
    if part is None:
        return Response(status_code=200, headers={**head, "Content-Length": str(size)})
    head |= {"Content-Range": part.content_range, "Content-Length": str(part.length)}
    return Response(status_code=206, headers=head)
