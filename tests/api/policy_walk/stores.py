"""What the service says of itself, and copies in stores."""

from tests.api.policy_walk.base import ask

WALK = {
    # the service has no store of the type http: users are refused by that, after the rules
    "POST /v2/images/{image_id}/locations": (
        ask(401, 403, 403, 404, 403, 403, data=False, json={"url": "http://images.example.org/"}),
    ),
    "GET /v2/images/{image_id}/locations": (ask(401, 403, 403, 404, 403, 200),),
    "GET /v2/info/import": (ask(401, 200, 200, 200, 200, 200),),
    "GET /v2/info/stores": (ask(401, 200, 200, 200, 200, 200),),
    "GET /v2/info/stores/detail": (ask(401, 403, 403, 403, 403, 200),),
    "GET /v2/info/certificates": (ask(401, 200, 200, 200, 200, 200),),
    "GET /v2/info/usage": (ask(401, 200, 200, 200, 200, 200),),
    "DELETE /v2/stores/{store_id}/{image_id}": (
        # the last is allowed, but it is the only copy
        ask(401, 403, 403, 404, 403, 403, variables={"store_id": "fast"}),
    ),
}
