"""Images' data."""

from intaglio.api.route import Route
from intaglio.api.routes.answers import IMAGE_ERRORS
from intaglio.api.settings import RateClass
from intaglio.api.v2 import data

SIZE = {"name": "x-openstack-image-size", "in": "header", "schema": {"type": "integer"}}
STORE = {"name": "X-Image-Meta-Store", "in": "header", "schema": {"type": "string"}}
_PREFER = {"name": "prefer", "in": "query", "schema": {"type": "string"}, "description": "Stores to read from first."}
_RANGE = {"name": "Range", "in": "header", "schema": {"type": "string"}, "example": "bytes=0-99"}

DATA_ROUTES = (
    Route(
        method="PUT",
        path="/v2/images/{image_id}/file",
        handler=data.put,
        rate=RateClass.UPLOAD,
        summary="Upload an image's data",
        success={204: "The data are stored and verified, the image is active."},
        rules=("get_image", "upload_image"),
        parameters=(SIZE, STORE),
        request="Data",
        errors={
            **IMAGE_ERRORS,
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
        rate=RateClass.OTHER,
        summary="Download an image's data",
        success={200: "All of the data.", 204: "The image has no data yet.", 206: "The range that was asked for."},
        rules=("get_image", "download_image", "download_from_store"),
        parameters=(_RANGE, _PREFER),
        response="Data",
        errors={
            **IMAGE_ERRORS,
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
        rate=RateClass.OTHER,
        summary="What a download would answer, without the data",
        success={200: "The headers.", 204: "The image has no data yet.", 206: "The headers of the range."},
        rules=("get_image", "download_image", "download_from_store"),
        parameters=(_RANGE, _PREFER),
        errors={
            **IMAGE_ERRORS,
            400: "Several ranges were asked for, or an unknown store.",
            403: "The image is deactivated, or the policy refuses.",
            416: "The range lies outside the data.",
            503: "No store delivers the data now.",
        },
    ),
)
