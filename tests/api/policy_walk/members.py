"""The projects an image is shared with."""

from tests.api.policy_walk.base import ask

GAMMA = {"member_id": "gamma"}
WALK = {
    "GET /v2/images/{image_id}/members": (ask(401, 200, 200, 404, 200, 200),),
    "POST /v2/images/{image_id}/members": (ask(401, 403, 200, 404, 403, 200, json={"member": "delta"}),),
    "GET /v2/images/{image_id}/members/{member_id}": (ask(401, 200, 200, 404, 200, 200, variables=GAMMA),),
    "PUT /v2/images/{image_id}/members/{member_id}": (
        ask(401, 403, 403, 404, 200, 200, variables=GAMMA, json={"status": "rejected"}),
    ),
    "DELETE /v2/images/{image_id}/members/{member_id}": (ask(401, 403, 204, 404, 403, 204, variables=GAMMA),),
}
