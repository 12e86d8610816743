"""The service itself."""

from tests.api.policy_walk.base import ask

WALK = {
    "GET /metrics": (
        # through a proxy: straight from this machine everybody may
        ask(401, 403, 403, 403, 403, 200, headers={"X-Forwarded-For": "203.0.113.7"}),
    ),
}
