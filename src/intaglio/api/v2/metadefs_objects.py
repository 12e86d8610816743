"""Objects in a namespace of the catalogue."""

from starlette.responses import Response

from intaglio.api.call import Call
from intaglio.api.metadef_listing import links, object_paging
from intaglio.api.responses import json_response
from intaglio.api.v2.metadefs_view import NAMESPACES, location, object_view
from intaglio.domain.metadefs import reading
from intaglio.services.metadef_contents import objects


async def list_objects(call: Call) -> Response:
    namespace, paging = call.path["namespace"], object_paging(call)
    page = await objects.page(call.parts, call.caller, namespace, paging)
    marker = page[-1].name if page and len(page) == paging.limit else None
    body = {
        "objects": [object_view(namespace, each) for each in page],
        **links(call, f"{NAMESPACES}/{namespace}/objects", marker),
    }
    return json_response({**body, "schema": "/v2/schemas/metadefs/objects"})


async def create(call: Call) -> Response:
    item = reading.object_body(await call.json())
    namespace = call.path["namespace"]
    made = await objects.create(call.parts, call.caller, namespace, item)
    return json_response(object_view(namespace, made), 201, location(call, namespace, "objects", made.name))


async def show(call: Call) -> Response:
    namespace = call.path["namespace"]
    return json_response(
        object_view(namespace, await objects.show(call.parts, call.caller, namespace, call.path["object_name"]))
    )


async def update(call: Call) -> Response:
    item = reading.object_body(await call.json())
    namespace, name = call.path["namespace"], call.path["object_name"]
    return json_response(object_view(namespace, await objects.update(call.parts, call.caller, namespace, name, item)))


async def delete(call: Call) -> Response:
    await objects.remove(call.parts, call.caller, call.path["namespace"], call.path["object_name"])
    return Response(status_code=204)


async def delete_all(call: Call) -> Response:
    await objects.clear(call.parts, call.caller, call.path["namespace"])
    return Response(status_code=204)
