"""Descriptions: for everybody who is somebody."""

from tests.api.policy_walk.base import ask

_EVERYBODY = ask(401, 200, 200, 200, 200, 200)
_IMAGES = ("image", "images", "member", "members", "task", "tasks")
_METADEFS = ("namespace", "resource_type", "property", "object", "tag")
_COLLECTIONS = ("namespaces", "resource_types", "properties", "objects", "tags")
WALK = {
    f"GET /v2/schemas/{name}": (_EVERYBODY,)
    for name in (*_IMAGES, *(f"metadefs/{each}" for each in (*_METADEFS, *_COLLECTIONS)))
}
