"""Images against the catalogue of metadata definitions."""

from intaglio.api.route import Route
from intaglio.api.routes.answers import IMAGE_ERRORS
from intaglio.api.v2 import validation

VALIDATION_ROUTES = (
    Route(
        method="GET",
        path="/v2/images/{image_id}/validate",
        handler=validation.validate,
        summary="Say what the metadata definitions, and libosinfo, say about an image's properties",
        success={200: "The findings, and what hardware is suggested for the operating system."},
        rules=("get_image",),
        response="Validation",
        errors=IMAGE_ERRORS,
    ),
)
