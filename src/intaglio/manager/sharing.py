"""Sharing one image with a project, or with all projects of a domain, and ending it."""

from collections.abc import Sequence
from typing import Literal

from intaglio.base.errors import Invalid
from intaglio.client.cloud import ImageService


class NotShared(Invalid):
    """An image cannot have members, because its visibility is not `shared`."""

    code = "not-shared"


def share(service: ImageService, image: str, projects: Sequence[str], action: Literal["add", "del"]) -> str:
    """Make projects members of an image, accepted at once, or end that; what was done. Raises `NotShared`."""
    found = service.find(image)
    image_id = str(found["id"])
    if action == "add" and found.get("visibility") != "shared":
        raise NotShared(
            f"'{image}' is {found.get('visibility')}; only an image whose visibility is shared has members."
        )
    for project in projects:
        if action == "add":
            service.add_member(image_id, project)
            service.accept_member(image_id, project)
        else:
            service.remove_member(image_id, project)
    return f"{'shared with' if action == 'add' else 'not shared any more with'} {', '.join(projects) or 'nobody'}"
