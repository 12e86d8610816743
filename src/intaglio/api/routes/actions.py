"""Taking images out of use and back."""

from intaglio.api.route import Route
from intaglio.api.routes.answers import IMAGE_ERRORS
from intaglio.api.settings import RateClass
from intaglio.api.v2 import actions

ACTIONS_ROUTES = (
    Route(
        method="POST",
        path="/v2/images/{image_id}/actions/deactivate",
        handler=actions.deactivate,
        rate=RateClass.WRITE,
        summary="Take an image out of use",
        success={204: "The image is deactivated."},
        rules=("get_image", "deactivate"),
        errors={**IMAGE_ERRORS, 403: "The image is not active, or the policy refuses."},
    ),
    Route(
        method="POST",
        path="/v2/images/{image_id}/actions/reactivate",
        handler=actions.reactivate,
        rate=RateClass.WRITE,
        summary="Put an image back into use",
        success={204: "The image is active."},
        rules=("get_image", "reactivate"),
        errors={**IMAGE_ERRORS, 403: "The image is not deactivated, or the policy refuses."},
    ),
)
