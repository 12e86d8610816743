"""Images that somebody took out of the rotation by hand: the mark that they carry, and what it asks of them. Pure."""

from collections.abc import Mapping
from typing import Literal, get_args

from intaglio.manager import naming
from intaglio.manager.retention import less_visible
from intaglio.manager.state import Image

Mark = Literal["community", "private", "shared", "hidden", "deactivated"]
"""A visibility that is not public; `os_hidden`; or no downloads and no new machines."""


def mark_of(image: Image | None) -> Mark | None:
    """How an image was retired; None when it was not. What nobody here has written hides."""
    said = image.properties.get(naming.RETIRED) if image is not None else None
    if not said:
        return None
    return next((mark for mark in get_args(Mark) if mark == said), "hidden")


def fields(image: Image, otherwise: str) -> Mapping[str, str | bool]:
    """The fields of a retired image. `otherwise` is how the definition retires, where the mark leaves it open."""
    mark = mark_of(image)
    if mark == "hidden":
        return {"os_hidden": True}
    if mark == "deactivated":
        out_of_sight = {"os_hidden": True} if otherwise == "hidden" else _seen(image, otherwise)
        return {"status": "deactivated", **out_of_sight}
    return _seen(image, mark or otherwise)


def _seen(image: Image, visibility: str) -> Mapping[str, str | bool]:
    return {"visibility": less_visible(visibility, image.visibility)}
