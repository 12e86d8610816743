"""Every route of the service, as one table of data.

The table yields routing, the Allow header of a 405, the OpenAPI document and its page in the reference; tests walk it.
"""

from typing import Any

from starlette.responses import Response

from intaglio.api import health, openapi
from intaglio.api.call import Call
from intaglio.api.responses import json_response
from intaglio.api.route import Route
from intaglio.api.v2 import actions, data, images, schemas, tags

_NO_BODY = {400: "The call takes no body, and one was sent."}
_IMAGE_ERRORS = _NO_BODY | {401: "No valid credentials.", 404: "No such image, or not one the caller may see."}
_SIZE = {"name": "x-openstack-image-size", "in": "header", "schema": {"type": "integer"}}
_STORE = {"name": "X-Image-Meta-Store", "in": "header", "schema": {"type": "string"}}
_PREFER = {"name": "prefer", "in": "query", "schema": {"type": "string"}, "description": "Stores to read from first."}
_RANGE = {"name": "Range", "in": "header", "schema": {"type": "string"}, "example": "bytes=0-99"}


def _query(name: str, description: str, kind: str = "string", **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": {"type": kind, **more}}


_LIST = (
    _query("limit", "Images a page; capped by the service.", "integer", minimum=0),
    _query("marker", "The id of the last image of the page before."),
    _query("sort", "key[:dir],key[:dir]…"),
    _query("sort_key", "A field to sort by; may be repeated."),
    _query("sort_dir", "asc or desc; one, or one a sort_key."),
    _query("visibility", "One visibility, or all.", enum=["public", "private", "shared", "community", "all"]),
    _query("member_status", "Shared images by membership.", enum=["pending", "accepted", "rejected", "all"]),
    _query("os_hidden", "true: only hidden images."),
    _query("protected", "true or false."),
    _query("tag", "A tag; may be repeated, all must be there."),
    _query("name", "The name, or in:a,b."),
    _query("status", "The status, or in:a,b."),
    _query("disk_format", "The format, or in:a,b."),
    _query("container_format", "The format, or in:a,b."),
    _query("owner", "The owning project."),
    _query("size_min", "Bytes at least.", "integer"),
    _query("size_max", "Bytes at most.", "integer"),
    _query("created_at", "An ISO 8601 time, with gt: gte: lt: lte: eq: neq: before it."),
    _query("updated_at", "As created_at."),
)


async def _openapi(call: Call) -> Response:
    return json_response(openapi.document(ROUTES, call.parts.formats, call.base_url))


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/v2/images",
        handler=images.list_images,
        summary="List images",
        success={200: "One page of the images the caller may see."},
        rules=("get_images", "get_image"),
        parameters=_LIST,
        response="Images",
        errors={400: "A parameter is wrong.", 401: "No valid credentials.", 403: "The caller may not list images."},
    ),
    Route(
        method="POST",
        path="/v2/images",
        handler=images.create,
        summary="Create an image record",
        success={201: "The new image, queued: without data."},
        rules=("add_image", "publicize_image", "communitize_image"),
        request="NewImage",
        response="Image",
        errors={
            400: "The body is wrong.",
            401: "No valid credentials.",
            403: "A field is read-only or reserved, or the policy refuses.",
            409: "The id is taken.",
            413: "Too many properties or tags.",
        },
    ),
    Route(
        method="GET",
        path="/v2/images/{image_id}",
        handler=images.show,
        summary="Show an image",
        success={200: "The image."},
        rules=("get_image",),
        response="Image",
        errors=_IMAGE_ERRORS,
    ),
    Route(
        method="PATCH",
        path="/v2/images/{image_id}",
        handler=images.update,
        summary="Change an image",
        success={200: "The image after all operations."},
        rules=("modify_image", "publicize_image", "communitize_image"),
        request="Patch",
        response="Image",
        errors={
            **_IMAGE_ERRORS,
            400: "The patch or a value is wrong.",
            403: "A field is read-only or reserved, or the policy refuses.",
            409: "An operation's target is missing or there already, or another request was faster.",
            413: "Too many properties or tags.",
            415: "The media type is not one of those in Accept-Patch.",
        },
    ),
    Route(
        method="DELETE",
        path="/v2/images/{image_id}",
        handler=images.delete,
        summary="Delete an image and its data",
        success={204: "Deleted."},
        rules=("delete_image",),
        errors={**_IMAGE_ERRORS, 403: "The image is protected, or the policy refuses.", 409: "It is being changed."},
    ),
    Route(
        method="PUT",
        path="/v2/images/{image_id}/file",
        handler=data.put,
        summary="Upload an image's data",
        success={204: "The data are stored and verified, the image is active."},
        rules=("upload_image",),
        parameters=(_SIZE, _STORE),
        request="Data",
        errors={
            **_IMAGE_ERRORS,
            400: "The formats are not set, or fewer or more bytes arrived than announced.",
            403: "The policy refuses.",
            409: "The image has data already, or another upload is running.",
            410: "The image was deleted while the data arrived.",
            413: "More bytes than are allowed, or the store is full.",
            415: "The content type is wrong, or the data are not of the image's disk_format or not safe.",
            503: "The store does not answer.",
        },
    ),
    Route(
        method="GET",
        path="/v2/images/{image_id}/file",
        handler=data.get,
        summary="Download an image's data",
        success={200: "All of the data.", 204: "The image has no data yet.", 206: "The range that was asked for."},
        rules=("download_image", "download_from_store"),
        parameters=(_RANGE, _PREFER),
        response="Data",
        errors={
            **_IMAGE_ERRORS,
            400: "Several ranges were asked for, or an unknown store.",
            403: "The image is deactivated, or the policy refuses.",
            416: "The range lies outside the data.",
            503: "No store delivers the data now.",
        },
    ),
    Route(
        method="HEAD",
        path="/v2/images/{image_id}/file",
        handler=data.get,
        summary="What a download would answer, without the data",
        success={200: "The headers.", 204: "The image has no data yet.", 206: "The headers of the range."},
        rules=("download_image", "download_from_store"),
        parameters=(_RANGE, _PREFER),
        errors={
            **_IMAGE_ERRORS,
            400: "Several ranges were asked for, or an unknown store.",
            403: "The image is deactivated, or the policy refuses.",
            416: "The range lies outside the data.",
            503: "No store delivers the data now.",
        },
    ),
    Route(
        method="PUT",
        path="/v2/images/{image_id}/tags/{tag}",
        handler=tags.add,
        summary="Add a tag",
        success={204: "The image carries the tag."},
        rules=("modify_image",),
        errors={**_IMAGE_ERRORS, 400: "The tag is too long.", 403: "The policy refuses.", 413: "Too many tags."},
    ),
    Route(
        method="DELETE",
        path="/v2/images/{image_id}/tags/{tag}",
        handler=tags.remove,
        summary="Remove a tag",
        success={204: "The image no longer carries the tag."},
        rules=("modify_image",),
        errors={**_IMAGE_ERRORS, 403: "The policy refuses."},
    ),
    Route(
        method="POST",
        path="/v2/images/{image_id}/actions/deactivate",
        handler=actions.deactivate,
        summary="Take an image out of use",
        success={204: "The image is deactivated."},
        rules=("deactivate",),
        errors={**_IMAGE_ERRORS, 403: "The image is not active, or the policy refuses."},
    ),
    Route(
        method="POST",
        path="/v2/images/{image_id}/actions/reactivate",
        handler=actions.reactivate,
        summary="Put an image back into use",
        success={204: "The image is active."},
        rules=("reactivate",),
        errors={**_IMAGE_ERRORS, 403: "The image is not deactivated, or the policy refuses."},
    ),
    Route(
        method="GET",
        path="/v2/schemas/image",
        handler=schemas.image,
        summary="The JSON schema of an image",
        success={200: "The schema."},
        errors=_NO_BODY | {401: "No valid credentials."},
    ),
    Route(
        method="GET",
        path="/v2/schemas/images",
        handler=schemas.images,
        summary="The JSON schema of a page of images",
        success={200: "The schema."},
        errors=_NO_BODY | {401: "No valid credentials."},
    ),
    Route(
        method="GET",
        path="/healthcheck",
        handler=health.healthcheck,
        summary="Whether the database and every store work now",
        success={200: "All of them do."},
        errors={503: "Some do not; the body says which and why."},
        public=True,
    ),
    Route(
        method="HEAD",
        path="/healthcheck",
        handler=health.healthcheck,
        summary="As GET, without the reasons",
        success={200: "All of them do."},
        errors={503: "Some do not."},
        public=True,
    ),
    Route(
        method="GET",
        path="/openapi.json",
        handler=_openapi,
        summary="This description of the API",
        success={200: "An OpenAPI 3.1 document."},
        public=True,
    ),
)
