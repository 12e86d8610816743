"""Signatures that were verified on an image's way in."""

from intaglio.api.route import Route
from intaglio.api.routes.answers import IMAGE_ERRORS
from intaglio.api.settings import RateClass
from intaglio.api.v2 import evidence

EVIDENCE_ROUTES = (
    Route(
        method="GET",
        path="/v2/images/{image_id}/evidence",
        handler=evidence.show,
        rate=RateClass.OTHER,
        summary="Signatures that were verified on the way of an image's data in",
        success={200: "Upstream's signature, and one that the service's own replaced; none is an empty list."},
        rules=("get_image", "intaglio:get_evidence"),
        response="Evidence",
        errors={**IMAGE_ERRORS, 403: "The policy refuses."},
    ),
)
