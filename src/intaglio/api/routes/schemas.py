"""JSON schemas."""

from intaglio.api.route import Route
from intaglio.api.routes.answers import NO_BODY
from intaglio.api.v2 import schemas

SCHEMAS_ROUTES = (
    Route(
        method="GET",
        path="/v2/schemas/image",
        handler=schemas.image,
        summary="The JSON schema of an image",
        success={200: "The schema."},
        response="Schema",
        errors=NO_BODY | {401: "No valid credentials."},
    ),
    Route(
        method="GET",
        path="/v2/schemas/images",
        handler=schemas.images,
        summary="The JSON schema of a page of images",
        success={200: "The schema."},
        response="Schema",
        errors=NO_BODY | {401: "No valid credentials."},
    ),
)
