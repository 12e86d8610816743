"""Where an image's data are: added and listed by calls of their own."""

from intaglio.api.route import Route
from intaglio.api.routes.answers import IMAGE_ERRORS
from intaglio.api.settings import RateClass
from intaglio.api.v2 import locations

LOCATIONS_ROUTES = (
    Route(
        method="POST",
        path="/v2/images/{image_id}/locations",
        handler=locations.add,
        rate=RateClass.IMPORT,
        summary="Add the location of a queued image's data",
        success={202: "A task looks at the data, and makes the image active; the header X-Intaglio-Task names it."},
        rules=("get_image", "add_image_location"),
        request="NewLocation",
        errors={
            **IMAGE_ERRORS,
            400: "The body is wrong, no store takes such a location, or the URL is refused.",
            403: "The policy refuses; or the caller is no service and the location not on the web, or not the image's.",
            409: "The image is not queued, its formats are not set, or a task is at work on it.",
            413: "Images may have no locations, or the project has too many images getting data.",
        },
    ),
    Route(
        method="GET",
        path="/v2/images/{image_id}/locations",
        handler=locations.list_locations,
        rate=RateClass.OTHER,
        summary="The locations of an image, for services",
        success={200: "All locations, the preferred one first."},
        rules=("get_image", "fetch_image_location"),
        response="Locations",
        errors={**IMAGE_ERRORS, 403: "The policy refuses: the caller is no service."},
    ),
)
