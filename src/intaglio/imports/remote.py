"""An image in another region's image service, read with the token of the user who asked for it."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from intaglio.base.errors import Invalid, Unavailable
from intaglio.db.repos import tasks
from intaglio.domain.digests import LENGTHS, Digest
from intaglio.domain.image import Image
from intaglio.domain.properties import READ_ONLY, RESERVED, SERVICE_PREFIX, property_name, property_value
from intaglio.imports.base import Bench, ImageGone, Job
from intaglio.outbound.base import FetchFailed, Reason, Wanted
from intaglio.outbound.continuing import download

SEALED = "sealed_token"
"""The member of a task's input that holds the user's token; it is never shown."""

_LONGEST = 4 << 20  # bytes of an image's record
_FIELDS = READ_ONLY | RESERVED | set(Image.__struct_fields__) | {"locations"}


class RemoteNotUsable(Invalid):
    """The image in the other region cannot be imported."""

    code = "remote-not-usable"


class RegionsUnknown(Unavailable):
    """This worker has no Keystone that could say where other regions are."""

    code = "regions-unknown"


class Remote(msgspec.Struct, frozen=True, kw_only=True):
    """What the other image service says of the image. `place` is its URL there."""

    place: str
    token: str
    fields: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"Remote({self.place})"

    @property
    def digest(self) -> Digest | None:
        """What its data's digest is, None when the other service does not say it in a way known here."""
        name, value = self.fields.get("os_hash_algo"), self.fields.get("os_hash_value")
        if isinstance(name, str) and isinstance(value, str) and LENGTHS.get(name) == len(value):
            return Digest(name, value.lower())
        return None

    def data(self, size_cap: int) -> Wanted:
        """What fetches its data, which never change."""
        headers = {"X-Auth-Token": self.token}
        return Wanted(url=f"{self.place}/file", size_cap=size_cap, headers=headers, trusted=True, immutable=True)

    def properties(self, prefixes: Iterable[str]) -> dict[str, str]:
        """Its custom properties whose names begin with one of `prefixes`. Raises `InvalidValue`."""
        return {
            property_name(name): property_value(name, value)
            for name, value in self.fields.items()
            if copied(name, prefixes)
        }


def copied(name: str, prefixes: Iterable[str]) -> bool:
    """Whether a field of this name is taken over: a custom property with one of these beginnings."""
    return name.startswith(tuple(prefixes)) and not name.startswith(SERVICE_PREFIX) and name not in _FIELDS


async def look(bench: Bench, job: Job) -> Remote:
    """Find the image. Raises `RemoteNotUsable`, `RegionsUnknown`, `RegionUnknown`, `FetchFailed`, `SealBroken`."""
    task = await bench.database.read(lambda conn: tasks.get(conn, job.task_id))
    if task is None or task.input is None:
        raise ImageGone("The task was deleted.")
    if bench.regions is None or bench.seal is None:
        raise RegionsUnknown("This worker has no Keystone that could say where the region is.")
    token = bench.seal.open(task.input[SEALED])
    method = task.input["import_req"]["method"]
    region, interface = method["glance_region"], method.get("glance_service_interface", "public")
    endpoint = await bench.regions.endpoint(token, region, interface)
    place = f"{endpoint}/v2/images/{method['glance_image_id']}"
    fields = await _record(bench, place, token)
    if fields.get("status") != "active":
        raise RemoteNotUsable(f"The image in {region} is {str(fields.get('status'))[:40]}; it has to be active.")
    return Remote(place=place, token=token, fields=fields)


async def _record(bench: Bench, place: str, token: str) -> Mapping[str, Any]:
    wanted = Wanted(url=place, size_cap=_LONGEST, headers={"X-Auth-Token": token}, trusted=True)
    async with download(bench.fetcher, wanted, bench.patience) as answer:
        text = b"".join([piece async for piece in answer.pieces()])
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise FetchFailed(Reason.PROTOCOL, f"{place} does not answer as an image service.") from error
