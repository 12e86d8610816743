"""An image record as JSON, as the Images API v2 shows it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from intaglio.api.call import Call
from intaglio.domain.image import Image, Location
from intaglio.domain.receipts import PROPERTY
from intaglio.domain.status import Status
from intaglio.domain.task import FAILED_STORES, PENDING_STORES
from intaglio.services.copies import by_weight

_HIDDEN_PROPERTIES = frozenset({"os_glance_stage_host", "os_glance_hash_op_host"})

_LISTS = frozenset({PENDING_STORES, FAILED_STORES})  # say something only where stores have ids


def timestamp(moment: datetime) -> str:
    """A naive UTC time as the API writes times: whole seconds, Z."""
    return moment.isoformat(timespec="seconds") + "Z"


def image_view(call: Call, image: Image) -> dict[str, Any]:
    """The record for the caller of `call`."""
    hidden = _HIDDEN_PROPERTIES if call.parts.stores.multi else _HIDDEN_PROPERTIES | _LISTS
    view: dict[str, Any] = {name: value for name, value in image.properties.items() if name not in hidden}
    address = f"/v2/images/{image.id}"
    view |= {
        "name": image.name,
        "disk_format": image.disk_format,
        "container_format": image.container_format,
        "visibility": image.visibility,
        "size": image.size,
        "virtual_size": image.virtual_size,
        "status": image.status,
        "checksum": image.checksum,
        "protected": image.protected,
        "min_ram": image.min_ram,
        "min_disk": image.min_disk,
        "owner": image.owner,
        "os_hidden": image.os_hidden,
        "os_hash_algo": image.os_hash_algo,
        "os_hash_value": image.os_hash_value,
        "id": image.id,
        "created_at": timestamp(image.created_at),
        "updated_at": timestamp(image.updated_at),
    }
    withheld = image.status == Status.DEACTIVATED and not call.caller.principal.is_admin
    locations = () if withheld else by_weight(call.parts.stores, image.locations)
    if call.settings.show_image_direct_url or call.settings.show_multiple_locations:
        view |= _locations(call, locations)
    if call.parts.stores.multi and locations:
        view["stores"] = ",".join(location.store for location in locations if location.store)
    if call.parts.receipts.write and image.status in {Status.ACTIVE, Status.DEACTIVATED}:
        view[PROPERTY] = f"{address}/receipt"
    view |= {"tags": image.tags, "self": address, "file": f"{address}/file", "schema": "/v2/schemas/image"}
    return view


def _locations(call: Call, locations: Sequence[Location]) -> dict[str, Any]:
    """For everybody who sees the image: services clone public images by it with their users' tokens."""
    view: dict[str, Any] = {}
    if call.settings.show_multiple_locations:
        view["locations"] = [{"url": each.public_uri, "metadata": each.metadata} for each in locations]
    if call.settings.show_image_direct_url and locations:
        view["direct_url"] = locations[0].public_uri
    return view
