"""Namespaces of the catalogue of metadata definitions."""

from starlette.responses import Response

from intaglio.api.call import Call
from intaglio.api.metadef_listing import links, namespace_query, pairs
from intaglio.api.responses import json_response
from intaglio.api.v2.metadefs_view import NAMESPACES, definition_view, location, namespace_view, prefixed
from intaglio.domain.metadefs import reading
from intaglio.services import metadefs


async def list_namespaces(call: Call) -> Response:
    page, more = await metadefs.page(call.parts, call.caller, namespace_query(call))
    body = {"namespaces": [definition_view(each) for each in page], **links(call, NAMESPACES, more)}
    return json_response({**body, "schema": "/v2/schemas/metadefs/namespaces"})


async def create(call: Call) -> Response:
    definition = reading.namespace_body(await call.json(), owner=_project(call))
    made = await metadefs.create(call.parts, call.caller, definition)
    return json_response(definition_view(made), 201, location(call, made.name))


async def show(call: Call) -> Response:
    definition = await metadefs.show(call.parts, call.caller, call.path["namespace"])
    return json_response(definition_view(prefixed(definition, dict(pairs(call)).get("resource_type"))))


async def update(call: Call) -> Response:
    fields = reading.namespace_body(await call.json(), owner=_project(call)).namespace
    return json_response(namespace_view(await metadefs.update(call.parts, call.caller, call.path["namespace"], fields)))


async def delete(call: Call) -> Response:
    await metadefs.delete(call.parts, call.caller, call.path["namespace"])
    return Response(status_code=204)


def _project(call: Call) -> str:
    return call.caller.principal.project_id or ""
