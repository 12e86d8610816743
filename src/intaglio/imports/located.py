"""Looking at data where they lie: what they are, by the same measure as data that come, without storing them."""

import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping

import msgspec
from msgspec.structs import replace

from intaglio.base.errors import Invalid
from intaglio.domain.image import Image, Location
from intaglio.ingest.base import Spec
from intaglio.ingest.door import Door
from intaglio.stores.base import Broken
from intaglio.stores.registry import Found

Pieces = AsyncGenerator[bytes, None]


class NothingThere(Invalid):
    """There are no bytes at the location."""

    code = "location-empty"


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the data. Sizes are bytes; the digests (hex) are None as long as nobody has read everything."""

    size: int
    virtual_size: int | None = None
    checksum: str | None = None
    os_hash_algo: str | None = None
    os_hash_value: str | None = None
    detected: str | None = None  # the format, None where data of this kind are not inspected
    digests: Mapping[str, str] = {}  # all that were computed, by hashlib's names


async def size_of(found: Found) -> int:
    """How many bytes there are. Raises `NothingThere`, and what the store raises."""
    size = (await found.store.stat(found.key)).size
    if size <= 0:
        raise NothingThere("There are no data at the location.")
    return size


async def looked(door: Door, found: Found, spec: Spec) -> Facts:
    """The verdict alone, for which the beginning is read. Raises what `Door.look` and the store raise."""
    size = await size_of(found)
    _require_size(spec, size)
    async with contextlib.aclosing(found.store.open(found.key)) as pieces:
        verdict = await door.look(pieces, spec, size)
    return Facts(size=size, virtual_size=verdict.virtual_size, detected=verdict.detected)


async def digested(
    door: Door, found: Found, spec: Spec, passing: Callable[[Pieces], Pieces] = lambda all_: all_
) -> Facts:
    """Everything that can be known, for which everything is read; `passing` may watch the bytes.

    Raises what `Door.examine` and the store raise.
    """
    size = await size_of(found)
    _require_size(spec, size)
    async with contextlib.aclosing(passing(found.store.open(found.key))) as pieces:
        known = await door.examine(pieces, replace(spec, size=size))
    return Facts(
        size=known.size,
        virtual_size=known.virtual_size,
        checksum=known.checksum,
        os_hash_algo=known.os_hash_algo,
        os_hash_value=known.os_hash_value,
        detected=known.detected_format,
        digests=known.digests,
    )


def with_location(image: Image, location: Location, facts: Facts) -> Image:
    """The image with the location and what is known of the data; what it knew of them before it knows still."""
    return replace(
        image,
        locations=(*image.locations, location),
        size=facts.size,
        virtual_size=image.virtual_size if facts.virtual_size is None else facts.virtual_size,
        checksum=image.checksum or facts.checksum,
        os_hash_algo=image.os_hash_algo or facts.os_hash_algo,
        os_hash_value=image.os_hash_value or facts.os_hash_value,
    )


def _require_size(spec: Spec, size: int) -> None:
    if spec.size is not None and spec.size != size:
        raise Broken(f"There are {size} bytes at the location where {spec.size} were expected.")
