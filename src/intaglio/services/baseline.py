"""Signing what is stored already: a baseline of images that the service vouches for, from when signatures are asked.

Nothing is signed whose bytes are not those on record. Each signature is committed before the next image's turn, so that
a run that is cut short goes on where it was when it is started again.
"""

import hashlib
import logging
from collections.abc import AsyncIterator, Collection
from contextlib import aclosing
from enum import StrEnum
from functools import partial

import msgspec
from msgspec.structs import replace

from intaglio.base.clock import utcnow
from intaglio.base.errors import NotFound, Unavailable
from intaglio.db.base import Connection
from intaglio.db.repos import images, unsigned
from intaglio.db.repos.images import Superseded
from intaglio.domain.image import Image, Visibility
from intaglio.domain.signatures import CERTIFICATE, OF_SIGNATURES, SIGNATURE
from intaglio.domain.status import Status
from intaglio.ingest.base import NotAsStored
from intaglio.ingest.sources import Copy, DeliveryBroken, continued, require_size
from intaglio.services.copies import copies
from intaglio.services.guarded import guarded_write
from intaglio.services.importing import running
from intaglio.services.inventory import Told, silent
from intaglio.services.parts import Parts
from intaglio.services.verify import Pace
from intaglio.signatures.own_signing import DIGEST, OwnSigner, Prospect
from intaglio.stores.base import StoreError

_log = logging.getLogger(__name__)

_IN_USE = (Status.ACTIVE, Status.DEACTIVATED)


class NothingToSign(NotFound):
    """There is no image of that id whose data are in use."""

    code = "nothing-to-sign"


class SigningOff(Unavailable):
    """The process was made without what signs."""

    code = "signing-off"


class Outcome(StrEnum):
    """What became of an image."""

    SIGNED = "signed"
    WOULD_SIGN = "would sign"  # nothing is read or changed
    SIGNED_ALREADY = "signed already"  # by whomever: it was asked for by its id
    MISMATCH = "mismatch"  # its bytes are not those on record
    UNPROVEN = "unproven"  # there is no digest on record that its bytes could be compared with
    UNREADABLE = "unreadable"  # no store delivers them now
    BUSY = "busy"  # a task is at work on it, or it was changed meanwhile


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """One image. `certificate_id` is what its signature names."""

    image_id: str
    name: str | None
    visibility: str
    outcome: Outcome
    size: int | None = None
    certificate_id: str | None = None
    reason: str = ""

    @property
    def fine(self) -> bool:
        return self.outcome in {Outcome.SIGNED, Outcome.WOULD_SIGN, Outcome.SIGNED_ALREADY}


async def sign_all(
    parts: Parts,
    *,
    image_id: str | None = None,
    visibilities: Collection[Visibility] = (),
    dry_run: bool = False,
    bytes_per_second: float | None = None,
    told: Told = silent,
) -> AsyncIterator[Signed]:
    """Sign one image, or every image in use without a signature, of some visibilities or of all.

    Raises `NothingToSign`, and `CertificateUntrusted` where the service's own certificate does not count for an image
    that is to be signed: all are meant to be used afterwards.
    """
    signer = parts.own_signer
    if signer is None:
        raise SigningOff("This process has no key to sign with.")
    work = _Work(parts, signer, Pace(bytes_per_second), told)
    async for image in _chosen(parts, image_id, visibilities):
        told(f"image {image.id}", 0)
        yield await work.sign(image, dry_run=dry_run)


async def _chosen(parts: Parts, image_id: str | None, visibilities: Collection[Visibility]) -> AsyncIterator[Image]:
    if image_id is not None:
        image = await parts.database.read(lambda conn: images.get(conn, image_id))
        if image is None or image.status not in _IN_USE:
            raise NothingToSign(f"There is no image {image_id} that is active or deactivated.")
        yield image
        return
    after = ""
    while page := await parts.database.read(partial(unsigned.after, last=after, visibilities=visibilities)):
        for image in page:
            yield image
        after = page[-1].id


class _Work:
    """One run."""

    def __init__(self, parts: Parts, signer: OwnSigner, pace: Pace, told: Told) -> None:
        self._parts = parts
        self._signer = signer
        self._pace = pace
        self._told = told

    async def sign(self, image: Image, *, dry_run: bool) -> Signed:
        outcome = partial(
            Signed, image_id=image.id, name=image.name, visibility=image.visibility.value, size=image.size
        )
        unproven = _unproven(image)
        if image.properties.get(SIGNATURE) or (dry_run and not unproven):
            there = Outcome.SIGNED_ALREADY if image.properties.get(SIGNATURE) else Outcome.WOULD_SIGN
            return outcome(outcome=there)
        if unproven:
            return outcome(outcome=Outcome.UNPROVEN, reason=unproven)
        try:
            certificate_id = await self._signed(image)
        except NotAsStored:
            _log.error("image %s is not signed: its data are not what was stored", image.id)
            return outcome(outcome=Outcome.MISMATCH, reason="its bytes are not those that were stored")
        except (StoreError, DeliveryBroken) as error:
            return outcome(outcome=Outcome.UNREADABLE, reason=str(error))
        except Superseded:
            return outcome(outcome=Outcome.BUSY, reason="it was changed meanwhile, or a task is at work on it")
        return outcome(outcome=Outcome.SIGNED, certificate_id=certificate_id)

    async def _signed(self, image: Image) -> str:
        """Read the bytes and sign them; what the signature calls the certificate."""
        stores = tuple(store_id for store_id, _, _ in copies(self._parts.stores, image.locations))
        prospect = await self._signer.prospect(image, stores)
        made = prospect.properties({DIGEST: await self._digest(image)}, image.os_hash_value or "")
        await guarded_write(self._parts, partial(_note, before=image, made=made, prospect=prospect))
        return made[CERTIFICATE]

    async def _digest(self, image: Image) -> str:
        """The digest that is signed, of bytes that have the digest on record.

        Raises `NotAsStored`, `DeliveryBroken`, `StoreError`.
        """
        size, name = image.size or 0, f"image {image.id}"
        locations = self._parts.stores.for_reading(image.locations, lambda each: each.store)
        there = [Copy(*self._parts.stores.for_location(each.uri, each.metadata)) for each in locations]
        if not there:
            raise DeliveryBroken("It has no copy.")
        await require_size(there[0], size)
        running = hashlib.new(DIGEST, usedforsecurity=True)
        proven = self._parts.door.discharge(
            continued(there, name, size, 0, size),
            image.os_hash_algo or "",
            image.os_hash_value or "",
            name,
            consumers=[running],
        )
        async with aclosing(proven):
            async for piece in proven:
                self._told(name, len(piece))
                await self._pace.passed(len(piece))
        return running.hexdigest()


def _unproven(image: Image) -> str:
    """Why nothing says what the image's bytes should be; empty when something does."""
    if image.os_hash_algo is None or image.os_hash_value is None:
        return "no digest of it is on record, so that nothing says what its bytes should be"
    if image.os_hash_algo not in hashlib.algorithms_available:
        return f"{image.os_hash_algo} cannot be computed here"
    return ""


async def _note(conn: Connection, *, before: Image, made: dict[str, str], prospect: Prospect) -> None:
    """Give the image its signature. Raises `Superseded` when it is not any more what was read."""
    image = await images.get(conn, before.id)
    if image is None or image.status not in _IN_USE or await running(conn, image) is not None:
        raise Superseded("A task is at work on the image, or it is gone.")
    same = (image.os_hash_algo, image.os_hash_value) == (before.os_hash_algo, before.os_hash_value)
    moved = prospect.check is not None and prospect.check.asked_for != (image.owner, image.visibility.value)
    if not same or moved or image.properties.get(SIGNATURE):
        raise Superseded("The image was changed while its data were read.")
    kept = {name: value for name, value in image.properties.items() if name not in OF_SIGNATURES}
    await images.update(conn, image, replace(image, properties={**kept, **made}, updated_at=utcnow()))
