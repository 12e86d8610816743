"""Image records, tags and actions."""

import json

from tests.api.policy_walk.base import Ask, ask
from tests.api.wire import PATCH_V21


def patch(*statuses: int, path: str, value: str, operation: str = "replace") -> Ask:
    body = json.dumps([{"op": operation, "path": path, "value": value}])
    return ask(*statuses, content=body, headers={"Content-Type": PATCH_V21})


TAG = {"tag": "old"}
WALK = {
    "GET /v2/images": (ask(401, 200, 200, 200, 200, 200),),
    "GET /v2/images/facets": (ask(401, 200, 200, 200, 200, 200),),
    "GET /v2/images/{image_id}/validate": (ask(401, 200, 200, 404, 200, 200),),
    "POST /v2/images": (
        ask(401, 403, 201, 201, 201, 201, json={}),
        ask(401, 403, 201, 201, 201, 201, json={"visibility": "community"}),
        ask(401, 403, 403, 403, 403, 201, json={"visibility": "public"}),
        ask(401, 403, 403, 403, 403, 201, json={"owner": "delta"}),
    ),
    "GET /v2/images/{image_id}": (ask(401, 200, 200, 404, 200, 200),),
    "GET /v2/images/{image_id}/evidence": (ask(401, 200, 200, 404, 200, 200),),
    # without data there is none for anybody; with data it comes at a moment of its own
    "GET /v2/images/{image_id}/receipt": (ask(401, 404, 404, 404, 404, 404, data=False),),
    "PATCH /v2/images/{image_id}": (
        patch(401, 403, 200, 404, 403, 200, path="/name", value="n"),
        patch(401, 403, 200, 404, 403, 200, path="/visibility", value="community"),
        patch(401, 403, 403, 404, 403, 200, path="/visibility", value="public"),
        # the option that lets callers handle locations is off: 403 for all, after the rules
        patch(401, 403, 403, 404, 403, 403, path="/locations", value="[]"),
        patch(401, 403, 403, 404, 403, 403, path="/locations/0", value="", operation="remove"),
    ),
    "DELETE /v2/images/{image_id}": (ask(401, 403, 204, 404, 403, 204),),
    "PUT /v2/images/{image_id}/tags/{tag}": (ask(401, 403, 204, 404, 403, 204, variables={"tag": "new"}),),
    "DELETE /v2/images/{image_id}/tags/{tag}": (
        ask(401, 403, 204, 404, 403, 204, variables=TAG, image={"tags": ["old"]}),
    ),
    "POST /v2/images/{image_id}/actions/deactivate": (ask(401, 403, 204, 404, 403, 204),),
    "POST /v2/images/{image_id}/actions/reactivate": (ask(401, 403, 204, 404, 403, 204),),
}
