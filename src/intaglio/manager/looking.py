"""Looking at a cloud: its managed images, and whose they are."""

from intaglio.base.errors import Invalid
from intaglio.client.cloud import ImageService
from intaglio.manager.state import Cloud, Image, image_from

PAGE = "1000"


class OwnerUnclear(Invalid):
    """It cannot be told which images belong to the manager's own project."""

    code = "owner-unclear"


def look(service: ImageService, cloud: str, tag: str, project: str | None = None) -> Cloud:
    """All images with the tag that belong to the project, hidden ones too. Others are counted and never touched.

    Without Keystone nobody says which project the credentials belong to: then it is the one that owns all of them.
    Raises `OwnerUnclear`.
    """
    found: dict[str, Image] = {}
    for hidden in ("false", "true"):
        for document in service.images(tag=tag, os_hidden=hidden, limit=PAGE):
            image = image_from(document)
            if tag in image.tags:
                found[image.id] = image
    own = project or service.project_id()
    if own is None:
        owners = {image.owner for image in found.values()}
        if len(owners) > 1:
            listed = ", ".join(sorted(str(owner) for owner in owners))
            raise OwnerUnclear(
                f"Images with the tag '{tag}' belong to several projects ({listed}), and the cloud does not say "
                "which is yours: name it with --project-id."
            )
        own = next(iter(owners), None)
    images = tuple(sorted((i for i in found.values() if own is None or i.owner == own), key=lambda image: image.id))
    return Cloud(cloud, own, images, foreign=len(found) - len(images))
