"""Reading stored copies back and comparing them with the digests on record, and with who signed them.

Nothing is ever changed by that.
"""

import asyncio
import hashlib
import importlib
import logging
import time
from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

from intaglio.base.errors import IntaglioError
from intaglio.db.base import Connection
from intaglio.db.repos import copies as copy_rows
from intaglio.db.repos import images, receipts
from intaglio.domain.image import Image
from intaglio.domain.signatures import ImageSignature, declared, evidence_of
from intaglio.domain.status import Status
from intaglio.ingest.base import NotAsStored
from intaglio.services.copies import copies
from intaglio.services.delivery import digest_of
from intaglio.services.inventory import UNKNOWN, Placed, Told, placed, silent
from intaglio.services.parts import Parts
from intaglio.signatures.base import NOBODY, SignatureMismatch
from intaglio.signatures.settings import Mode
from intaglio.stores.base import NotFound, StoreError

if TYPE_CHECKING:
    from intaglio.signatures.certificates import Signer

_log = logging.getLogger(__name__)


class Outcome(StrEnum):
    """What a copy is found to be."""

    GOOD = "good"
    BAD = "bad"  # other bytes, or another number of them, or none
    UNREADABLE = "unreadable"  # the store does not say
    UNPROVEN = "unproven"  # as long as it should be, and there is no digest to compare with


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What is found out of one copy. `location` is the number of its row; copies come in their order."""

    location: int
    image_id: str
    store_id: str
    outcome: Outcome
    reason: str = ""
    gone: bool = False  # there is nothing, so nothing wrong can be read

    @property
    def fine(self) -> bool:
        return self.outcome in {Outcome.GOOD, Outcome.UNPROVEN}


class Pace:
    """Lets bytes through at no more than so many a second, over all copies; None is as fast as they come."""

    def __init__(self, bytes_per_second: float | None) -> None:
        self._rate = bytes_per_second
        self._began = time.monotonic()
        self._passed = 0

    async def passed(self, number: int) -> None:
        """Wait until so many more bytes may have passed."""
        self._passed += number
        if self._rate is not None:
            await asyncio.sleep(max(0.0, self._began + self._passed / self._rate - time.monotonic()))


async def verify(
    parts: Parts,
    *,
    image_id: str | None = None,
    stores: Collection[str] = (),
    after: int = 0,
    bytes_per_second: float | None = None,
    told: Told = silent,
) -> AsyncGenerator[Verdict, None]:
    """Read copies of images that are in use: all, or those of an image, in all stores or in some.

    Those of the locations up to number `after` are left out. One that goes away meanwhile is passed over.
    """
    pace = Pace(bytes_per_second)
    async for each in placed(parts, image_id=image_id, after=after):
        wanted = not stores or each.store_id in stores
        if wanted and each.copy.status in {Status.ACTIVE, Status.DEACTIVATED}:
            found = await _look(parts, each, pace, told)
            if found.outcome in {Outcome.GOOD, Outcome.UNPROVEN} or await _still_there(parts, each):
                yield Verdict(
                    location=each.copy.location.id or 0,
                    image_id=each.copy.image_id,
                    store_id=each.store_id or each.copy.location.store or UNKNOWN,
                    outcome=found.outcome,
                    reason=found.reason,
                    gone=found.gone,
                )


class _Look(msgspec.Struct, frozen=True):
    outcome: Outcome
    reason: str = ""
    gone: bool = False


async def _look(parts: Parts, placed: Placed, pace: Pace, told: Told) -> _Look:
    if placed.store_id == UNKNOWN:
        return _Look(Outcome.UNREADABLE, "no configured store holds its location")
    try:
        found = await _compared(parts, placed, pace, told)
    except NotFound:
        found = _Look(Outcome.BAD, "its object is not there", gone=True)
    except StoreError as error:
        found = _Look(Outcome.UNREADABLE, str(error))
    except NotAsStored:
        found = _Look(Outcome.BAD, "its bytes are not those that were stored")
    except SignatureMismatch as error:
        found = _Look(Outcome.BAD, f"the image's signature does not fit: {error}")
    return found


async def _compared(parts: Parts, placed: Placed, pace: Pace, told: Told) -> _Look:
    """Read a copy. Raises what the store raises, `NotAsStored`, `SignatureMismatch`."""
    store, copy = parts.stores[placed.store_id], placed.copy
    size = (await store.stat(placed.key)).size
    if copy.size is not None and size != copy.size:
        return _Look(Outcome.BAD, f"it has {size} bytes where {copy.size} were stored")
    signer = await signer_of(parts, copy.image_id)
    signed = [] if signer is None else [hashlib.new(signer.signature.algorithm, usedforsecurity=False)]
    digest = digest_of(copy)
    pieces = store.open(placed.key)
    if digest is not None:
        name = f"image {copy.image_id} in store {placed.store_id}"
        pieces = parts.door.discharge(pieces, *digest, name, consumers=signed)
    async with aclosing(pieces):
        async for piece in pieces:
            for each in signed if digest is None else ():
                each.update(piece)
            told(f"image {copy.image_id} in {placed.store_id}", len(piece))
            await pace.passed(len(piece))
    if signer is not None:
        signer.require(signed[0].digest())
    return _Look(Outcome.UNPROVEN, "no digest of it is on record") if digest is None else _Look(Outcome.GOOD)


async def signer_of(parts: Parts, image_id: str) -> "Signer | None":
    """By whom an image says that it was signed; None when by nobody, or when the certificate is not to be had.

    The one counts with which the signature was verified here. Of an image that was not, or whose digest on record is
    another one since, it is fetched without anybody's token. Whether the signer is trusted is not asked.
    """

    async def work(conn: Connection) -> tuple[Image, str | None] | None:
        image = await images.get(conn, image_id)
        if image is None:
            return None
        evidence = evidence_of(image.properties, image.os_hash_value)
        fingerprint = "" if evidence is None or evidence.verified is None else evidence.verified.certificate
        return image, (await receipts.known(conn, [fingerprint])).get(fingerprint)

    found = await parts.database.read(work)
    if found is None:
        return None
    image, pem = found
    stores = [store_id for store_id, _, _ in copies(parts.stores, image.locations)]
    if parts.verification.mode(image, stores) is Mode.OFF:
        return None
    try:
        signature = declared(image.properties)
        return None if signature is None else await _signer(parts, image, signature, pem)
    except IntaglioError as error:
        _log.info("the signature of image %s is not verified again: %s", image.id, error)
        return None


async def _signer(parts: Parts, image: Image, signature: ImageSignature, pem: str | None) -> "Signer":
    # By name: what reads certificates takes a while to import, and most images are not signed.
    certificates: Any = importlib.import_module("intaglio.signatures.certificates")
    evidence = evidence_of(image.properties, image.os_hash_value)
    verified = None if evidence is None else evidence.verified
    if pem is not None and verified is not None and verified.fingerprint == signature.fingerprint:
        der = certificates.der_of(pem.encode())
    else:
        der = (await parts.verification.find(signature, NOBODY)).certificate
    made: Signer = certificates.signer(der, signature, smallest_bits=0)
    return made


async def _still_there(parts: Parts, placed: Placed) -> bool:
    ids = [placed.copy.image_id]
    rows = await parts.database.read(lambda conn: copy_rows.of_images(conn, ids))
    return any(row.location.id == placed.copy.location.id and row.status is placed.copy.status for row in rows)
