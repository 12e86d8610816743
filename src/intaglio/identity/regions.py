"""Where another region's image service is: what Keystone's catalogue says to the user who asks.

Source of the form: the Identity API v3, "Get service catalog".
"""

from typing import Protocol

import msgspec

from intaglio.base.errors import NotFound, Unavailable

_SERVICE = "image"


class RegionUnknown(NotFound):
    """The catalogue of the user's token has no image service in this region, or not by this interface."""

    code = "region-unknown"


class Regions(Protocol):
    """Finds the image service of a region."""

    async def endpoint(self, token: str, region: str, interface: str) -> str:
        """Its URL, as the user who has this token is told it. Raises `RegionUnknown`, or an `Unavailable`."""
        ...


class SealBroken(Unavailable):
    """What was sealed cannot be opened: the service's own login has changed meanwhile."""

    code = "seal-broken"


class Seal(Protocol):
    """Keeps a user's token for a worker; its key is the service's own, on every machine."""

    def close(self, text: str) -> str:
        """`text`, sealed."""
        ...

    def open(self, sealed: str) -> str:
        """What was sealed. Raises `SealBroken`."""
        ...


class _Endpoint(msgspec.Struct, frozen=True):
    interface: str
    url: str
    region: str | None = None
    region_id: str | None = None


class _Service(msgspec.Struct, frozen=True):
    type: str
    endpoints: tuple[_Endpoint, ...] = ()


class _Answer(msgspec.Struct, frozen=True):
    catalog: tuple[_Service, ...]


def find(answer: bytes, region: str, interface: str) -> str:
    """The URL in Keystone's answer. Raises `RegionUnknown`, and ValueError when the answer is of another form."""
    try:
        services = msgspec.json.decode(answer, type=_Answer).catalog
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from error
    known = set()
    for service in services:
        for endpoint in service.endpoints if service.type == _SERVICE else ():
            known.add(f"{endpoint.region_id or endpoint.region} ({endpoint.interface})")
            if region in {endpoint.region, endpoint.region_id} and endpoint.interface == interface:
                return endpoint.url.rstrip("/").removesuffix("/v2")
    there = ", ".join(sorted(known)) or "none"
    raise RegionUnknown(f"There is no {interface} image service in the region '{region[:80]}'; there are: {there}.")
