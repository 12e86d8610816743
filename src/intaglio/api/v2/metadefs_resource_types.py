"""Resource types, and what namespaces are for."""

from starlette.responses import Response

from intaglio.api.call import Call
from intaglio.api.responses import json_response
from intaglio.api.v2.metadefs_view import association_view, location, resource_type_view
from intaglio.domain.metadefs import reading
from intaglio.services import metadefs


async def list_all(call: Call) -> Response:
    types = await metadefs.resource_types(call.parts, call.caller)
    return json_response({"resource_types": [resource_type_view(each) for each in types]})


async def list_associations(call: Call) -> Response:
    found = await metadefs.associations(call.parts, call.caller, call.path["namespace"])
    return json_response({"resource_type_associations": [association_view(each) for each in found]})


async def associate(call: Call) -> Response:
    association = reading.association_body(await call.json())
    namespace = call.path["namespace"]
    made = await metadefs.associate(call.parts, call.caller, namespace, association)
    return json_response(association_view(made), 201, location(call, namespace, "resource_types", made.name))


async def dissociate(call: Call) -> Response:
    await metadefs.dissociate(call.parts, call.caller, call.path["namespace"], call.path["resource_type"])
    return Response(status_code=204)
