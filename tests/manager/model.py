"""A cloud as a value: what applying a plan makes of it, for laws that have to hold after any history."""

import itertools
from typing import Any

import msgspec

from intaglio.manager import naming
from intaglio.manager.actions import Delete, Import, Plan, Update
from intaglio.manager.state import Cloud, Image

_FIELDS = {"name": "name", "visibility": "visibility", "os_hidden": "hidden", "status": "status"}
_FIELDS |= {"min_disk": "min_disk", "min_ram": "min_ram", "tags": "tags"}


class Model:
    """The managed images of a cloud, and the builds that were ever imported."""

    def __init__(self, *images: Image) -> None:
        self.images = {image.id: image for image in images}
        self.imported: list[tuple[str, str]] = []
        self._ids = itertools.count(1)

    def cloud(self) -> Cloud:
        return Cloud("model", "us", tuple(self.images.values()))

    def apply(self, plan: Plan) -> None:
        for action in plan.actions:
            if isinstance(action, Import):
                self._bring(action)
            elif isinstance(action, Update):
                self._change(action)
            elif isinstance(action, Delete):
                del self.images[action.image_id]

    def _bring(self, action: Import) -> None:
        number = next(self._ids)
        image_id = action.image_id or f"00000000-0000-4000-8000-{number:012}"
        self.imported.append((action.definition, action.version))
        self.images[image_id] = Image(
            id=image_id,
            name=action.name,
            status=action.status,
            visibility=action.visibility,
            owner="us",
            hidden=action.hidden,
            disk_format=action.format,
            min_disk=action.min_disk,
            min_ram=action.min_ram,
            created_at=f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z",
            tags=tuple(sorted(action.tags)),
            properties=action.properties | {naming.DIGEST: action.digest or f"sha256:{number:064x}"},
        )

    def _change(self, action: Update) -> None:
        image = self.images[action.image_id]
        properties = dict(image.properties)
        fields: dict[str, Any] = {}
        for change in action.changes:
            if not change.field.startswith("property:"):
                fields[_FIELDS[change.field]] = change.new
            elif change.new is None:
                del properties[change.field.removeprefix("property:")]
            else:
                properties[change.field.removeprefix("property:")] = str(change.new)
        self.images[image.id] = msgspec.structs.replace(image, properties=properties, **fields)
