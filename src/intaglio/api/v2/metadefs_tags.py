"""Tags in a namespace of the catalogue."""

from starlette.responses import Response

from intaglio.api.call import Call
from intaglio.api.metadef_listing import links, tag_paging
from intaglio.api.responses import json_response
from intaglio.api.v2.metadefs_view import NAMESPACES, location, tag_view
from intaglio.domain.metadefs import reading
from intaglio.domain.metadefs.model import Tag
from intaglio.domain.metadefs.vocabulary import TRUE
from intaglio.services.metadef_contents import add_tags, tags


async def list_tags(call: Call) -> Response:
    namespace, paging = call.path["namespace"], tag_paging(call)
    page = await tags.page(call.parts, call.caller, namespace, paging)
    marker = page[-1].name if page and len(page) == paging.limit else None
    body = {
        "tags": [{"name": each.name} for each in page],
        **links(call, f"{NAMESPACES}/{namespace}/tags", marker),
    }
    return json_response({**body, "schema": "/v2/schemas/metadefs/tags"})


async def create_many(call: Call) -> Response:
    wanted = reading.tags_body(await call.json())
    append = call.request.headers.get("x-openstack-append", "").strip().lower() in TRUE
    made = await add_tags(call.parts, call.caller, call.path["namespace"], wanted, append=append)
    return json_response({"tags": [{"name": each.name} for each in made]}, 201)


async def create(call: Call) -> Response:
    namespace = call.path["namespace"]
    wanted = Tag(name=reading.reachable("tag", call.path["tag_name"]))
    made = await tags.create(call.parts, call.caller, namespace, wanted)
    return json_response(tag_view(made), 201, location(call, namespace, "tags", made.name))


async def show(call: Call) -> Response:
    return json_response(
        tag_view(await tags.show(call.parts, call.caller, call.path["namespace"], call.path["tag_name"]))
    )


async def update(call: Call) -> Response:
    tag = reading.tag_body(await call.json())
    namespace, name = call.path["namespace"], call.path["tag_name"]
    return json_response(tag_view(await tags.update(call.parts, call.caller, namespace, name, tag)))


async def delete(call: Call) -> Response:
    await tags.remove(call.parts, call.caller, call.path["namespace"], call.path["tag_name"])
    return Response(status_code=204)


async def delete_all(call: Call) -> Response:
    await tags.clear(call.parts, call.caller, call.path["namespace"])
    return Response(status_code=204)
