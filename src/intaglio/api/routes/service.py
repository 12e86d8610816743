"""The service itself: its health."""

from intaglio.api import health
from intaglio.api.route import Route
from intaglio.api.settings import RateClass

_DETAILED = {
    "name": "detailed",
    "in": "query",
    "schema": {"type": "string"},
    "allowEmptyValue": True,
    "description": "Tell of the database and of every store, as JSON.",
}

SERVICE_ROUTES = (
    Route(
        method="GET",
        path="/healthcheck",
        handler=health.healthcheck,
        rate=RateClass.FREE,
        summary="Whether the database and the stores work now",
        success={200: "The database and at least one store do; `?detailed` tells of each."},
        response="Health",
        parameters=(_DETAILED,),
        errors={503: "The database does not, or no store does; the body says why."},
        public=True,
    ),
    Route(
        method="HEAD",
        path="/healthcheck",
        handler=health.healthcheck,
        rate=RateClass.FREE,
        summary="As GET, without the reasons",
        success={200: "The database and at least one store do."},
        response="Health",
        errors={503: "The database does not, or no store does."},
        public=True,
    ),
)
