"""Staging, imports, and tasks."""

from tests.api.policy_walk.base import ask
from tests.api.wire import OCTETS

_DIRECT = {"method": {"name": "glance-direct"}}
_COPY = {"method": {"name": "copy-image"}, "stores": ["slow"]}
_NOWHERE = "http://images.invalid/disk.img"
_FETCH = {"method": {"name": "web-download", "uri": _NOWHERE}}


def _url_task(visibility: str) -> dict[str, object]:
    properties = {"visibility": visibility, "container_format": "bare"}
    return {
        "type": "import",
        "input": {"import_from": _NOWHERE, "import_from_format": "raw", "image_properties": properties},
    }


_ADMINS = ask(401, 403, 403, 403, 403, 200)
WALK = {
    "PUT /v2/images/{image_id}/stage": (
        ask(401, 403, 204, 404, 403, 204, data=False, content=b"some bytes", headers=OCTETS),
    ),
    "POST /v2/images/{image_id}/import": (
        ask(401, 403, 409, 404, 403, 409, data=False, json=_DIRECT),  # allowed, but nothing is staged
        ask(401, 403, 403, 404, 403, 202, json=_COPY),
        ask(401, 403, 409, 404, 403, 409, json=_FETCH),  # allowed, but it has data
    ),
    "DELETE /v2/images/{image_id}/import": (ask(401, 403, 409, 404, 403, 409),),  # allowed, but none is running
    "GET /v2/images/{image_id}/tasks": (ask(401, 200, 200, 404, 200, 200),),
    "GET /v2/tasks": (_ADMINS,),
    "GET /v2/images/{image_id}/events": (ask(401, 200, 200, 404, 200, 200),),
    "POST /v2/tasks": (
        ask(401, 403, 403, 403, 403, 201, json=_url_task("public")),
        ask(401, 403, 403, 403, 403, 201, json=_url_task("community")),
    ),
    "GET /v2/tasks/{task_id}": (
        ask(401, 403, 403, 403, 403, 404, variables={"task_id": "0b0c0d0e-1111-4222-8333-444455556666"}),
    ),
}
