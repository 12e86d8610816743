"""Receipts of images."""

from intaglio.api.route import Route
from intaglio.api.routes.answers import IMAGE_ERRORS, NO_BODY
from intaglio.api.settings import RateClass
from intaglio.api.v2 import receipts

RECEIPTS_ROUTES = (
    Route(
        method="GET",
        path="/v2/images/{image_id}/receipt",
        handler=receipts.show,
        rate=RateClass.OTHER,
        summary="What the service has signed about an image's data",
        success={200: "A DSSE envelope with an in-toto statement."},
        rules=("get_image", "intaglio:get_receipt"),
        response="Receipt",
        errors={
            **IMAGE_ERRORS,
            403: "The policy refuses, or the image is deactivated and its receipt names locations.",
            404: "No such image, or not one the caller may see; or it has no receipt yet, and why not.",
        },
    ),
    Route(
        method="GET",
        path="/v2/info/certificates",
        handler=receipts.certificates,
        rate=RateClass.OTHER,
        summary="The certificates of the service's own keys, with which receipts were signed",
        success={200: "Each of them, the latest first."},
        response="ServiceCertificates",
        errors=NO_BODY | {401: "No valid credentials."},
    ),
)
