"""Every route of the service, as one table of data, a file a resource.

The table yields routing, the Allow header of a 405, the OpenAPI document and its page in the reference; tests walk it.
"""

from starlette.responses import Response

from intaglio.api import openapi
from intaglio.api.call import Call
from intaglio.api.responses import json_response
from intaglio.api.route import Route
from intaglio.api.routes.actions import ACTIONS_ROUTES
from intaglio.api.routes.data import DATA_ROUTES
from intaglio.api.routes.evidence import EVIDENCE_ROUTES
from intaglio.api.routes.images import IMAGES_ROUTES
from intaglio.api.routes.info import INFO_ROUTES, STORES_ROUTES
from intaglio.api.routes.locations import LOCATIONS_ROUTES
from intaglio.api.routes.members import MEMBERS_ROUTES
from intaglio.api.routes.metadefs import METADEFS_ROUTES
from intaglio.api.routes.policy import policy_routes
from intaglio.api.routes.receipts import RECEIPTS_ROUTES
from intaglio.api.routes.schemas import SCHEMAS_ROUTES
from intaglio.api.routes.service import SERVICE_ROUTES
from intaglio.api.routes.tags import TAGS_ROUTES
from intaglio.api.routes.tasks import EVENTS_ROUTES, IMPORTS_ROUTES, TASKS_ROUTES
from intaglio.api.routes.validation import VALIDATION_ROUTES
from intaglio.api.settings import RateClass


async def _openapi(call: Call) -> Response:
    return json_response(openapi.document(ROUTES, call.parts.formats, call.base_url))


_DESCRIPTION = Route(
    method="GET",
    path="/openapi.json",
    handler=_openapi,
    rate=RateClass.OTHER,
    summary="This description of the API",
    success={200: "An OpenAPI 3.1 document."},
    response="Description",
    public=True,
)

ROUTES: tuple[Route, ...] = (
    *IMAGES_ROUTES,
    *DATA_ROUTES,
    *IMPORTS_ROUTES,
    *LOCATIONS_ROUTES,
    *EVENTS_ROUTES,
    *TAGS_ROUTES,
    *ACTIONS_ROUTES,
    *MEMBERS_ROUTES,
    *RECEIPTS_ROUTES,
    *EVIDENCE_ROUTES,
    *STORES_ROUTES,
    *INFO_ROUTES,
    *VALIDATION_ROUTES,
    *TASKS_ROUTES,
    *SCHEMAS_ROUTES,
    *METADEFS_ROUTES,
    *SERVICE_ROUTES,
    *policy_routes(lambda: ROUTES),
    _DESCRIPTION,
)
