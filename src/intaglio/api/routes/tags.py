"""Tags."""

from intaglio.api.route import Route
from intaglio.api.routes.answers import IMAGE_ERRORS
from intaglio.api.settings import RateClass
from intaglio.api.v2 import tags

TAGS_ROUTES = (
    Route(
        method="PUT",
        path="/v2/images/{image_id}/tags/{tag}",
        handler=tags.add,
        rate=RateClass.WRITE,
        summary="Add a tag",
        success={204: "The image carries the tag."},
        rules=("get_image", "modify_image"),
        errors={**IMAGE_ERRORS, 400: "The tag is too long.", 403: "The policy refuses.", 413: "Too many tags."},
    ),
    Route(
        method="DELETE",
        path="/v2/images/{image_id}/tags/{tag}",
        handler=tags.remove,
        rate=RateClass.WRITE,
        summary="Remove a tag",
        success={204: "The image no longer carries the tag."},
        rules=("get_image", "modify_image"),
        errors={**IMAGE_ERRORS, 403: "The policy refuses."},
    ),
)
