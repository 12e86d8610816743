"""Staging, imports, and tasks."""

from tests.api.policy_walk.base import ask
from tests.api.wire import OCTETS

_DIRECT = {"method": {"name": "glance-direct"}}
_COPY = {"method": {"name": "copy-image"}, "stores": ["slow"]}
_ADMINS = ask(401, 403, 403, 403, 403, 200)
WALK = {
    "PUT /v2/images/{image_id}/stage": (
        ask(401, 403, 204, 404, 403, 204, data=False, content=b"some bytes", headers=OCTETS),
    ),
    "POST /v2/images/{image_id}/import": (
        ask(401, 403, 409, 404, 403, 409, data=False, json=_DIRECT),  # allowed, but nothing is staged
        ask(401, 403, 403, 404, 403, 202, json=_COPY),
    ),
    "DELETE /v2/images/{image_id}/import": (ask(401, 403, 409, 404, 403, 409),),  # allowed, but none is running
    "GET /v2/images/{image_id}/tasks": (ask(401, 200, 200, 404, 200, 200),),
    "GET /v2/tasks": (_ADMINS,),
    "POST /v2/tasks": (ask(401, 403, 403, 403, 403, 400, json={"type": "import", "input": {}}),),
    "GET /v2/tasks/{task_id}": (
        ask(401, 403, 403, 403, 403, 404, variables={"task_id": "0b0c0d0e-1111-4222-8333-444455556666"}),
    ),
}
