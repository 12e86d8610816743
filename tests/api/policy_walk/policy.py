"""The policy itself."""

from tests.api.policy_walk.base import ask

WALK = {
    "GET /v2/policy/explain": (
        ask(401, 403, 403, 403, 403, 200, params={"method": "GET", "path": "/v2/images"}),
        ask(401, 403, 403, 404, 403, 200, params={"method": "GET", "path": "/v2/images/{image_id}"}),
    ),
}
