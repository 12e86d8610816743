"""Descriptions: for everybody who is somebody."""

from tests.api.policy_walk.base import ask

WALK = {
    f"GET /v2/schemas/{name}": (ask(401, 200, 200, 200, 200, 200),)
    for name in ("image", "images", "member", "members", "task", "tasks")
}
