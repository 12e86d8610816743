"""Images' data."""

from tests.api.policy_walk.base import ask
from tests.api.wire import OCTETS

_READ = (ask(401, 403, 200, 404, 200, 200), ask(401, 403, 200, 404, 200, 200, params={"prefer": "slow"}))
WALK = {
    "PUT /v2/images/{image_id}/file": (
        ask(401, 403, 204, 404, 403, 204, data=False, content=b"some bytes", headers=OCTETS),
    ),
    "GET /v2/images/{image_id}/file": _READ,
    "HEAD /v2/images/{image_id}/file": _READ,
}
