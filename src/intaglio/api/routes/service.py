"""The service itself: its health."""

from intaglio.api import health
from intaglio.api.route import Route
from intaglio.api.settings import RateClass

SERVICE_ROUTES = (
    Route(
        method="GET",
        path="/healthcheck",
        handler=health.healthcheck,
        rate=RateClass.FREE,
        summary="Whether the database and every store work now",
        success={200: "All of them do."},
        response="Health",
        errors={503: "Some do not; the body says which and why."},
        public=True,
    ),
    Route(
        method="HEAD",
        path="/healthcheck",
        handler=health.healthcheck,
        rate=RateClass.FREE,
        summary="As GET, without the reasons",
        success={200: "All of them do."},
        response="Health",
        errors={503: "Some do not."},
        public=True,
    ),
)
