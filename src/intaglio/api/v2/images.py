"""Image records: create, list, show, change, delete."""

import re
from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from intaglio.api.call import Call
from intaglio.api.listing import links, read_facets_query, read_query
from intaglio.api.responses import json_response
from intaglio.api.v2.image_view import image_view
from intaglio.api.v2.info import import_methods_of
from intaglio.api.v2.validation import warning_headers
from intaglio.base.errors import UnsupportedMedia
from intaglio.domain import patch
from intaglio.domain.facets import Counted
from intaglio.services import images, listing

PATCH_READERS: dict[str, Callable[[object], tuple[patch.Operation, ...]]] = {
    "application/openstack-images-v2.1-json-patch": patch.read_v21,
    "application/openstack-images-v2.0-json-patch": patch.read_v20,
}


class UnsupportedPatch(UnsupportedMedia):
    """The body of a PATCH is not of a JSON-patch media type of this API."""

    code = "unsupported-patch"
    http_headers: dict[str, str] = {"Accept-Patch": ", ".join(PATCH_READERS)}  # noqa: RUF012 - never changed


async def create(call: Call) -> Response:
    image = await images.create(call.parts, call.caller, await call.json_object())
    headers = {"Location": f"{call.base_url}/v2/images/{image.id}"}
    methods = import_methods_of(call)
    if methods:
        headers["OpenStack-image-import-methods"] = ",".join(methods)
    if call.parts.stores.multi:
        headers["OpenStack-image-store-ids"] = ",".join(call.parts.stores)
    headers |= await warning_headers(call, image, image.properties.keys())
    return json_response(image_view(call, image), 201, headers)


async def list_images(call: Call) -> Response:
    query = read_query(call)
    page = await listing.page(call.parts, call.caller, query)
    body = {"images": [image_view(call, image) for image in page], **links(call, query, page)}
    return json_response({**body, "schema": "/v2/schemas/images"})


async def facets(call: Call) -> Response:
    query, wanted = read_facets_query(call)
    found = await listing.facets(call.parts, call.caller, query, wanted)
    return json_response(
        {"total": found.total, "facets": {name: _counted(each) for name, each in found.counts.items()}}
    )


def _counted(counted: Counted) -> dict[str, Any]:
    values = [{"value": value, "count": number} for value, number in counted.values]
    return {"values": values, "distinct": counted.distinct, "missing": counted.missing}


async def show(call: Call) -> Response:
    return json_response(image_view(call, await images.show(call.parts, call.caller, call.path["image_id"])))


async def update(call: Call) -> Response:
    media_type = re.split(r"[;\s]", call.request.headers.get("content-type", ""), maxsplit=1)[0].lower()
    read = PATCH_READERS.get(media_type)
    if read is None:
        raise UnsupportedPatch(f"The Content-Type of a PATCH must be one of {', '.join(PATCH_READERS)}.")
    operations = read(await call.json())
    locations = call.settings.show_multiple_locations
    image = await images.update(
        call.parts, call.caller, call.path["image_id"], operations, locations=locations, asker=call.asker
    )
    headers = await warning_headers(call, image, {operation.name for operation in operations})
    return json_response(image_view(call, image), headers=headers)


async def delete(call: Call) -> Response:
    await images.delete(call.parts, call.caller, call.path["image_id"])
    return Response(status_code=204)
