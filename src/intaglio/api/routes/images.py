"""Image records."""

from intaglio.api.route import Route
from intaglio.api.routes.answers import IMAGE_ERRORS, query
from intaglio.api.settings import RateClass
from intaglio.api.v2 import images

_FILTERS = (
    query(
        "q", "Words to look for in the name, the tags and the properties; all must be there. Quotes keep them together."
    ),
    query("visibility", "One visibility, or all.", enum=["public", "private", "shared", "community", "all"]),
    query("member_status", "Shared images by membership.", enum=["pending", "accepted", "rejected", "all"]),
    query("os_hidden", "true: only hidden images."),
    query("protected", "true or false."),
    query("tag", "A tag; may be repeated, all must be there."),
    query("name", "The name, or in:a,b."),
    query("id", "The id, or in:a,b."),
    query("status", "The status, or in:a,b."),
    query("disk_format", "The format, or in:a,b."),
    query("container_format", "The format, or in:a,b."),
    query("owner", "The owning project."),
    query("checksum", "The MD5 digest."),
    query("os_hash_algo", "The algorithm of os_hash_value."),
    query("os_hash_value", "The digest by os_hash_algo."),
    query("size", "Bytes.", "integer"),
    query("size_min", "Bytes at least; so with virtual_size, min_ram, min_disk.", "integer"),
    query("size_max", "Bytes at most; so with virtual_size, min_ram, min_disk.", "integer"),
    query("virtual_size", "Bytes of the disk inside.", "integer"),
    query("min_ram", "MiB.", "integer"),
    query("min_disk", "GiB.", "integer"),
    query("created_at", "An ISO 8601 time, with gt: gte: lt: lte: eq: neq: before it."),
    query("updated_at", "As created_at."),
)
_LIST = (
    query("limit", "Images a page; capped by the service.", "integer", minimum=0),
    query("marker", "The id of the last image of the page before."),
    query("sort", "key[:dir],key[:dir]…; without any order, what q finds comes best first."),
    query("sort_key", "A field to sort by; may be repeated."),
    query("sort_dir", "asc or desc; one, or one a sort_key."),
    *_FILTERS,
)
_FACETS = (
    query(
        "facet",
        "A field with few values, tag, or the name of a property; may be repeated.",
    ),
    query("limit", "Values of each facet; capped by the service.", "integer", minimum=1),
    *_FILTERS,
)

IMAGES_ROUTES = (
    Route(
        method="GET",
        path="/v2/images",
        handler=images.list_images,
        rate=RateClass.LIST,
        summary="List images",
        success={200: "One page of the images the caller may see."},
        rules=("get_images", "get_image"),
        parameters=_LIST,
        response="Images",
        errors={400: "A parameter is wrong.", 401: "No valid credentials.", 403: "The caller may not list images."},
    ),
    Route(
        method="GET",
        path="/v2/images/facets",
        handler=images.facets,
        rate=RateClass.LIST,
        summary="Count images by what they have in common",
        success={200: "The number of images the caller may see, and the most frequent values of each facet."},
        rules=("get_images", "get_image"),
        parameters=_FACETS,
        response="Facets",
        errors={400: "A parameter is wrong.", 401: "No valid credentials.", 403: "The caller may not list images."},
    ),
    Route(
        method="POST",
        path="/v2/images",
        handler=images.create,
        rate=RateClass.WRITE,
        summary="Create an image record",
        success={201: "The new image, queued: without data."},
        rules=("add_image", "publicize_image", "communitize_image"),
        request="NewImage",
        response="Image",
        errors={
            400: "The body is wrong.",
            401: "No valid credentials.",
            403: "A field is read-only or reserved, a property is protected, or the policy refuses.",
            409: "The id is taken.",
            413: "Too many properties or tags.",
        },
    ),
    Route(
        method="GET",
        path="/v2/images/{image_id}",
        handler=images.show,
        rate=RateClass.OTHER,
        summary="Show an image",
        success={200: "The image."},
        rules=("get_image",),
        response="Image",
        errors=IMAGE_ERRORS,
    ),
    Route(
        method="PATCH",
        path="/v2/images/{image_id}",
        handler=images.update,
        rate=RateClass.WRITE,
        summary="Change an image",
        success={200: "The image after all operations."},
        rules=(
            "get_image",
            "modify_image",
            "set_image_location",
            "get_image_location",
            "delete_image_location",
            "publicize_image",
            "communitize_image",
        ),
        request="Patch",
        response="Image",
        errors={
            **IMAGE_ERRORS,
            400: "The patch or a value is wrong.",
            403: "A field is read-only or reserved, a property is protected, or the policy refuses.",
            409: "An operation's target is missing or there already, or another request was faster.",
            413: "Too many properties or tags.",
            415: "The media type is not one of those in Accept-Patch.",
        },
    ),
    Route(
        method="DELETE",
        path="/v2/images/{image_id}",
        handler=images.delete,
        rate=RateClass.WRITE,
        summary="Delete an image and its data",
        success={204: "Deleted."},
        rules=("get_image", "delete_image"),
        errors={**IMAGE_ERRORS, 403: "The image is protected, or the policy refuses.", 409: "It is being changed."},
    ),
)
