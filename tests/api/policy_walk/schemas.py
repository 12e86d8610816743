"""Descriptions: for everybody who is somebody."""

from tests.api.policy_walk.base import ask

WALK = {
    "GET /v2/schemas/image": (ask(401, 200, 200, 200, 200, 200),),
    "GET /v2/schemas/images": (ask(401, 200, 200, 200, 200, 200),),
}
