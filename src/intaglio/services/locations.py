"""The newer calls for locations (Images API 2.17): adding the one that a queued image's data have, and listing them.

The request records a task; a worker looks at the data, and only then they are the image's (`imports.location`).
"""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from intaglio.authz.engine import Caller
from intaglio.base.clock import utcnow
from intaglio.base.errors import Forbidden
from intaglio.db.base import Connection
from intaglio.db.repos import images, leases, tasks
from intaglio.db.repos.leases import Lease
from intaglio.domain import validation_data
from intaglio.domain.image import Image, Location
from intaglio.domain.patch_locations import InvalidLocation, LocationsFixed
from intaglio.domain.properties import require_location_count
from intaglio.domain.status import Status
from intaglio.domain.task import LOCATION_URL, LOCK, Task, TaskType
from intaglio.imports.base import LEASE_KIND, lease_end
from intaglio.outbound.urls import LONGEST
from intaglio.services.access import visible_image
from intaglio.services.copies import by_weight
from intaglio.services.importing import ImportFormatsMissing, ImportRunning, running, unlocked
from intaglio.services.location_rules import is_service, require_nameable
from intaglio.services.new_tasks import new_task
from intaglio.services.parts import Parts
from intaglio.services.quota import Budgets, budgeted_write, require_growth
from intaglio.services.removal import STAGE_KIND
from intaglio.services.signatures import CheckNeeded, Signatures
from intaglio.signatures.base import NOBODY, Asker
from intaglio.stores.registry import Found


class WebOnly(Forbidden):
    """Users add locations on the web, where the operator has a store for these; services others, too."""

    code = "location-web-only"


async def add(parts: Parts, caller: Caller, image_id: str, body: Mapping[str, Any], *, asker: Asker = NOBODY) -> str:
    """Record the task that adds a location to a queued image; its id. `asker`: for whom a certificate is fetched.

    What can be refused of a signature before the bytes are seen is refused here.

    Raises `InvalidLocation`, `ValidationDataInvalid`, `FetchRefused`, refusals, `WebOnly`, `LocationsFixed`,
    `ImportRunning`, `ImportFormatsMissing`, `TooManyLocations`, `OverQuota`, and what `Signatures` raises.
    """
    url, given = _read(body)
    signatures = Signatures(parts, asker)

    async def work(conn: Connection, budgets: Budgets) -> str:
        image, target = await visible_image(conn, parts.policy, caller, image_id)
        parts.policy.require("add_image_location", caller, target)
        if image.status is not Status.QUEUED:
            raise LocationsFixed(f"Image {image.id} is {image.status}; a location is added while it is queued.")
        found = _nameable(parts, caller, image, url)
        at_work = await running(conn, image)
        if at_work is not None:
            raise ImportRunning(f"The task {at_work.id} is at work on image {image.id}; wait for its end.")
        image = await unlocked(conn, image)
        await _require_ready(conn, parts, image)
        task = _task(caller, image, url, given, signatures.kept(image, (found.store_id,)))
        await tasks.insert_task(conn, task)
        properties = {**image.properties, LOCK: task.id}
        claimed = replace(image, properties=properties, status=Status.IMPORTING, updated_at=utcnow())
        claimed = await images.update(conn, image, claimed)
        await require_growth(conn, budgets, image, claimed)
        await leases.claim(conn, _lease(parts, image, found))
        return task.id

    while True:
        try:
            return await budgeted_write(parts, caller.principal.project_id, work)
        except CheckNeeded as needed:  # nothing is fetched while a transaction is open
            await signatures.look_up(needed.image, needed.stores)


async def listed(parts: Parts, caller: Caller, image_id: str) -> list[Location]:
    """The image's locations in reading order, for services. Raises refusals."""

    async def work(conn: Connection) -> Image:
        image, target = await visible_image(conn, parts.policy, caller, image_id)
        parts.policy.require("fetch_image_location", caller, target)
        return image

    return by_weight(parts.stores, (await parts.database.read(work)).locations)


def _read(body: Mapping[str, Any]) -> tuple[str, Mapping[str, str] | None]:
    url = body.get("url")
    if not isinstance(url, str) or not url:
        raise InvalidLocation('The body must have a url, as in {"url": "https://images.example.com/disk.img"}.')
    if len(url) > LONGEST or not url.isprintable() or not url.isascii():
        raise InvalidLocation(f"The url of a location has at most {LONGEST} characters, printable ones of ASCII.")
    if "validation_data" not in body:
        return url, None
    if body["validation_data"] == {}:
        return url, None
    digest = validation_data.digest(body["validation_data"])
    return url, {"os_hash_algo": digest.algorithm, "os_hash_value": digest.hex}


def _nameable(parts: Parts, caller: Caller, image: Image, url: str) -> Found:
    if not is_service(caller) and not url.lower().startswith(("http://", "https://")):
        raise WebOnly("Users add locations that begin with http:// or https://; others are added by services.")
    there = any(parts.stores.config(store_id).type == "http" for store_id in parts.stores)
    if not is_service(caller) and not there:
        raise WebOnly("This service has no store of the type http, which locations on the web need.")
    return require_nameable(parts, caller, image.id, url)


async def _require_ready(conn: Connection, parts: Parts, image: Image) -> None:
    if await leases.find(conn, image.id, STAGE_KIND) is not None:
        raise LocationsFixed(f"Data for image {image.id} are still arriving.")
    if not image.disk_format or not image.container_format:
        raise ImportFormatsMissing("Set disk_format and container_format of the image before adding a location.")
    require_location_count(0, 1, parts.limits.image_location_quota)


def _task(
    caller: Caller, image: Image, url: str, given: Mapping[str, str] | None, certificates: Mapping[str, Any]
) -> Task:
    return new_task(
        caller,
        TaskType.LOCATION_IMPORT,
        image.id,
        {"image_id": image.id, LOCATION_URL: url, "validation_data": dict(given or {}), **certificates},
    )


def _lease(parts: Parts, image: Image, found: Found) -> Lease:
    """What keeps others from the image's object while the task is at work; its worker takes it over."""
    return Lease(
        image_id=image.id,
        kind=LEASE_KIND,
        holder=parts.holder,
        store_id=found.store_id,
        key=image.id,
        created_at=utcnow(),
        expires_at=lease_end(),
    )
