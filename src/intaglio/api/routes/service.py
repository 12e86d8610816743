"""The service itself: its health and its metrics."""

from intaglio.api import health, metrics
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
    Route(
        method="GET",
        path="/metrics",
        handler=metrics.get,
        rate=RateClass.FREE,
        summary="What the service has done and how it is, as Prometheus reads it",
        success={200: "Counters of all processes of this machine, and the state of stores, imports and removals."},
        rules=("intaglio:metrics",),
        response="Metrics",
        errors={
            400: "The request has a body.",
            401: "No valid credentials, and not asked from a network of metrics_from.",
            403: "Not an administrator.",
        },
        watched=True,
    ),
)
