"""Descriptions: for everybody who is somebody."""

from tests.api.policy_walk.base import ask

_EVERYBODY = ask(401, 200, 200, 200, 200, 200)
WALK = {f"GET /v2/schemas/{name}": (_EVERYBODY,) for name in ("image", "images", "member", "members", "task", "tasks")}
