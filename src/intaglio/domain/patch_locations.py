"""What a patch may do to the list of an image's locations, where the service shows it to callers at all.

A copy can be given up while another one is left, and what is noted beside a copy can be changed. Whether a new location
may be added is for somebody else to say, who knows the stores.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from intaglio.base.errors import Conflict, Forbidden
from intaglio.domain.image import Image, Location
from intaglio.domain.properties import InvalidValue, storable
from intaglio.domain.status import Status

URL_LIMIT = 255  # characters of a location that a caller gives
_GIVEN = frozenset({"url", "metadata", "validation_data"})


class InvalidLocation(InvalidValue):
    """A location that a caller named is not one, or not one that this service takes."""

    code = "invalid-location"


class LocationsNeeded(Forbidden):
    """The last copy of an image's data is given up only by deleting the image."""

    code = "locations-needed"


class LocationsFixed(Conflict):
    """In its present status the locations of the image cannot be changed."""

    code = "locations-fixed"


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """A location that a caller gives: its URL, what is to be noted beside it, and what its data's digests shall be."""

    url: str
    metadata: Mapping[str, Any]
    validation_data: Mapping[str, Any] | None = None


Admit = Callable[[Image, Given], Image]
"""Makes the image with a location more, or raises why it cannot be added."""


def add(image: Image, item: str | None, value: object, admit: Admit) -> Image:
    """The image with one location more, behind the others whatever place `item` names.

    Raises `LocationsFixed`, `InvalidLocation`, and what `admit` raises.
    """
    _require_status(image, Status.ACTIVE, Status.QUEUED)
    given = _given(value)
    if not (item == "-" or (item or "").isdigit()):
        raise InvalidLocation(f"'/locations/{item}' is no place for a location; add it at '/locations/-'.")
    return _added(image, given, admit)


def replace_all(image: Image, value: object, admit: Admit) -> Image:
    """The image with other metadata beside its locations; `store` stays as recorded. Or with its first locations.

    Raises `LocationsFixed`, `LocationsNeeded` for an empty list, `InvalidLocation` for other URLs than those there,
    and what `admit` raises.
    """
    _require_status(image, Status.ACTIVE, Status.QUEUED)
    if not isinstance(value, list):
        raise InvalidLocation("'locations' must be a list of objects with url and metadata.")
    if not value:
        raise LocationsNeeded("The locations cannot be emptied; delete the image instead.")
    given = [_given(item) for item in value]
    if not image.locations:
        for each in given:
            image = _added(image, each, admit)
        return image
    left = list(image.locations)
    renewed = tuple(_renewed(left, each.url, each.metadata) for each in given)
    return replace(image, locations=renewed + _none(left))


def _added(image: Image, given: Given, admit: Admit) -> Image:
    for there in image.locations:
        noted = {name: value for name, value in there.metadata.items() if name != "store"}
        same = {name: value for name, value in given.metadata.items() if name != "store"} == noted
        if same and given.url in {there.uri, there.public_uri}:
            raise InvalidLocation("The image has this location already.")
    return admit(image, given)


def remove(image: Image, item: str | None) -> Image:
    """The image without its location number `item`. Raises `LocationsFixed`, `LocationsNeeded`, `InvalidLocation`."""
    _require_status(image, Status.ACTIVE)
    if len(image.locations) <= 1:
        raise LocationsNeeded("This is the only copy of the image's data; delete the image instead.")
    places = {str(place): location for place, location in enumerate(image.locations)}
    gone = places.get(item or "")
    if gone is None:
        raise InvalidLocation(f"'/locations/{item}' is none of the locations 0 to {len(places) - 1}.")
    return replace(image, locations=tuple(location for location in image.locations if location is not gone))


def _renewed(left: list[Location], url: str, metadata: Mapping[str, Any]) -> Location:
    found = next((location for location in left if url in {location.uri, location.public_uri}), None)
    if found is None:
        raise InvalidLocation("Replacing the locations can change their metadata only: the URLs must stay those there.")
    left.remove(found)
    kept = {"store": found.store} if found.store is not None else {}
    return replace(found, metadata={**metadata, **kept})


def _none(left: list[Location]) -> tuple[Location, ...]:
    if left:
        raise InvalidLocation("Replacing the locations can change their metadata only: none may be left out.")
    return ()


def _given(value: object) -> Given:
    if not isinstance(value, dict) or not {"url", "metadata"} <= value.keys() <= _GIVEN:
        raise InvalidLocation('A location is an object such as {"url": "…", "metadata": {}}.')
    url, metadata = value["url"], value["metadata"]
    if not isinstance(url, str) or len(url) > URL_LIMIT:
        raise InvalidLocation(f"The url of a location must be a string of at most {URL_LIMIT} characters.")
    if not isinstance(metadata, dict) or not all(isinstance(noted, str) for noted in metadata.values()):
        raise InvalidLocation("The metadata of a location must be an object whose values are strings.")
    for name, noted in metadata.items():
        storable("metadata", name)
        storable("metadata", noted)
    validation_data = value.get("validation_data")
    if "validation_data" in value and not isinstance(validation_data, dict):
        raise InvalidLocation("The validation_data of a location must be an object.")
    storable("url", url)
    return Given(url=url, metadata=metadata, validation_data=validation_data)


def _require_status(image: Image, *allowed: Status) -> None:
    if image.status not in allowed:
        raise LocationsFixed(
            f"Locations can be changed so only while the image is {' or '.join(allowed)}; it is {image.status}."
        )
