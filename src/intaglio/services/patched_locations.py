"""New locations by PATCH: what lies there is looked at before the transaction that makes it the image's.

An image that has data keeps them: another location is added only when its bytes are the same.
"""

import hashlib

import msgspec
from msgspec.structs import replace

from intaglio.authz.engine import Caller
from intaglio.db.base import Connection
from intaglio.db.repos import digests, receipts, verdicts
from intaglio.domain.image import Image, Location
from intaglio.domain.patch_locations import Admit, Given, InvalidLocation, LocationsFixed
from intaglio.domain.properties import require_location_count
from intaglio.domain.status import Status
from intaglio.domain.validation_data import Declared, declared
from intaglio.formats.judge import rule_set
from intaglio.imports.located import Facts, NothingThere, digested, looked, with_location
from intaglio.ingest.base import DigestMismatch, SizeMismatch, Spec
from intaglio.services.location_rules import require_nameable
from intaglio.services.parts import Parts
from intaglio.services.upload import FormatsMissing
from intaglio.stores.base import Busy, StoreError
from intaglio.stores.registry import Found


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """A location that was looked at, with what the image was like then that it was compared with."""

    facts: Facts
    compared: tuple[object, ...]


Known = dict[str, Looked]
"""What was found out, by the URL as the caller wrote it."""


class Unknown(Exception):
    """The patch names a location that nobody has looked at yet."""

    def __init__(self, image: Image, found: Found, given: Given, said: Declared) -> None:
        super().__init__(given.url)
        self.image, self.found, self.given, self.said = image, found, given, said


def admitting(parts: Parts, caller: Caller, known: Known) -> Admit:
    """What adds locations of which is known what lies there. Raises `Unknown` for others, and what hinders it."""

    def admit(image: Image, given: Given) -> Image:
        found = require_nameable(parts, caller, image.id, given.url)
        if not image.disk_format or not image.container_format:
            raise FormatsMissing("Set disk_format and container_format of the image before adding a location.")
        _require_unsigned(parts, image, found)
        count = len(image.locations)
        require_location_count(count, count + 1, parts.limits.image_location_quota)
        algorithm = parts.ingest_settings.hashing_algorithm
        length = 2 * hashlib.new(algorithm, usedforsecurity=False).digest_size
        said = (
            Declared() if given.validation_data is None else declared(image, given.validation_data, algorithm, length)
        )
        looked_at = known.get(given.url)
        if looked_at is None or looked_at.compared != _compared(image):
            raise Unknown(image, found, given, said)
        location = Location(found.uri, {**given.metadata, **found.metadata})
        facts = looked_at.facts
        if facts.os_hash_value is None and said.os_hash_value is not None:
            facts = replace(facts, **msgspec.structs.asdict(said))
        return replace(with_location(image, location, facts), status=Status.ACTIVE)

    return admit


async def note_verdict(conn: Connection, parts: Parts, before: Image, after: Image, known: Known) -> None:
    """Note what the data of an image were found to be that has just got its first locations."""
    if before.status is Status.QUEUED and after.status is Status.ACTIVE and known:
        facts = next(reversed(known.values())).facts
        await digests.record(conn, after.id, facts.os_hash_value, facts.digests)
        await verdicts.record_accepted(conn, after.id, facts.detected, rule_set(parts.format_settings))
        if facts.os_hash_value is None and after.os_hash_value is not None:  # nobody has read all of it
            await receipts.note(conn, after.id, receipts.Digests.DECLARED)


def _require_unsigned(parts: Parts, image: Image, found: Found) -> None:
    """What is signed gets its data by a door that verifies them; a copy of such data is the same by its digest."""
    if parts.verification.wanted(image, (found.store_id,)) is not None and image.status is Status.QUEUED:
        raise LocationsFixed(
            f"Image {image.id} is signed: add its location by POST /v2/images/{image.id}/locations, which verifies it."
        )


def _compared(image: Image) -> tuple[object, ...]:
    return image.status, image.size, image.os_hash_algo, image.os_hash_value, image.disk_format, image.container_format


async def look(parts: Parts, wanted: Unknown) -> Looked:
    """Look at what the patch names: all of it where it has to be the same as something, or where others can change it.

    Raises `InvalidLocation`, `DigestMismatch`, `LocationsFixed`, `Busy`, and the refusals of the data.
    """
    image, found, said = wanted.image, wanted.found, wanted.said
    active = image.status is Status.ACTIVE
    spec = Spec(
        disk_format=image.disk_format or "",
        container_format=image.container_format or "",
        formats=parts.format_settings,
        size_cap=parts.limits.image_size_cap,
        size=image.size if active else None,
        hashing_algorithm=image.os_hash_algo or parts.ingest_settings.hashing_algorithm,
        checksum=image.checksum or said.checksum,
        os_hash_value=image.os_hash_value or said.os_hash_value,
    )
    if not parts.ingest_settings.do_secure_hash:
        whole = active and image.os_hash_value is not None and wanted.given.validation_data is None
    elif active and image.os_hash_value is None and image.checksum is None:
        raise LocationsFixed("The image has no digest that the data of another location could be compared with.")
    else:
        whole = active or not found.store.abilities.owned or said.os_hash_value is not None
    try:
        facts = await (digested if whole else looked)(parts.door, found, spec)
    except Busy:
        raise
    except (StoreError, NothingThere, SizeMismatch) as error:
        raise InvalidLocation(f"The location cannot be added: {error}") from error
    except DigestMismatch as error:
        raise LocationsFixed(f"The data of the location are others than they should be: {error}") from error
    return Looked(facts=facts, compared=_compared(image))
