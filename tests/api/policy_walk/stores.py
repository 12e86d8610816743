"""What the service says of itself, and copies in stores."""

from tests.api.policy_walk.base import ask

WALK = {
    "GET /v2/info/import": (ask(401, 200, 200, 200, 200, 200),),
    "GET /v2/info/stores": (ask(401, 200, 200, 200, 200, 200),),
    "GET /v2/info/stores/detail": (ask(401, 403, 403, 403, 403, 200),),
    "GET /v2/info/usage": (ask(401, 200, 200, 200, 200, 200),),
    "DELETE /v2/stores/{store_id}/{image_id}": (
        # the last is allowed, but it is the only copy
        ask(401, 403, 403, 404, 403, 403, variables={"store_id": "fast"}),
    ),
}
