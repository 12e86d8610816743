"""Properties in a namespace of the catalogue."""

from starlette.responses import Response

from intaglio.api.call import Call
from intaglio.api.metadef_listing import pairs
from intaglio.api.responses import json_response
from intaglio.api.v2.metadefs_view import location, properties_view, property_view
from intaglio.domain.metadefs import reading
from intaglio.domain.metadefs.query import Paging
from intaglio.domain.query import Direction
from intaglio.services.metadef_contents import properties, show_prefixed

_IN_ORDER = Paging(sort_key="id", direction=Direction.ASC)


async def list_properties(call: Call) -> Response:
    found = await properties.page(call.parts, call.caller, call.path["namespace"], _IN_ORDER)
    return json_response({"properties": properties_view(tuple(found))})


async def create(call: Call) -> Response:
    item = reading.property_body(await call.json())
    namespace = call.path["namespace"]
    made = await properties.create(call.parts, call.caller, namespace, item)
    return json_response(property_view(made), 201, location(call, namespace, "properties", made.name))


async def show(call: Call) -> Response:
    namespace, name = call.path["namespace"], call.path["property_name"]
    resource_type = dict(pairs(call)).get("resource_type")
    if resource_type:
        return json_response(
            property_view(await show_prefixed(call.parts, call.caller, namespace, name, resource_type))
        )
    return json_response(property_view(await properties.show(call.parts, call.caller, namespace, name)))


async def update(call: Call) -> Response:
    item = reading.property_body(await call.json())
    namespace, name = call.path["namespace"], call.path["property_name"]
    return json_response(property_view(await properties.update(call.parts, call.caller, namespace, name, item)))


async def delete(call: Call) -> Response:
    await properties.remove(call.parts, call.caller, call.path["namespace"], call.path["property_name"])
    return Response(status_code=204)


async def delete_all(call: Call) -> Response:
    await properties.clear(call.parts, call.caller, call.path["namespace"])
    return Response(status_code=204)
