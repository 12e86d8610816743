"""Signing images with the service's own key: whether that would count is known before their bytes are read."""

import hashlib
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from intaglio.domain.image import Image
from intaglio.domain.signatures import EVIDENCE, OF_SIGNATURES, declared
from intaglio.signatures.base import Found
from intaglio.signatures.own import OwnKey
from intaglio.signatures.own_certificates import OwnCertificates
from intaglio.signatures.verification import Check, Verification

if TYPE_CHECKING:
    from intaglio.signatures.service_key import ServiceKey

HASH_METHOD, DIGEST = "SHA-256", "sha256"
"""What is signed of the bytes."""


class Prospect(msgspec.Struct, frozen=True):
    """A signature that will count when it is made. `check` is None where signatures mean nothing."""

    key: "ServiceKey"
    certificate_id: str
    check: Check | None

    def properties(self, digests: Mapping[str, str], data: str) -> dict[str, str]:
        """The properties of an image whose bytes have these digests (hex), and `data` as the one on record."""
        digest = digests[DIGEST]
        made = self.key.sign_image(bytes.fromhex(digest), self.certificate_id, HASH_METHOD)
        signature = declared(made)
        if self.check is None or signature is None:
            return made
        check = replace(self.check, signer=replace(self.check.signer, signature=signature))
        check.require({DIGEST: digest})  # what is noted as verified was
        return {**made, EVIDENCE: check.evidence(data, {DIGEST: digest})}


class OwnSigner:
    """One for each process."""

    def __init__(self, key: OwnKey, certificates: OwnCertificates, verification: Verification) -> None:
        self._key = key
        self._certificates = certificates
        self._verification = verification

    async def prospect(self, image: Image, stores: Collection[str]) -> Prospect:
        """What the service's signature of this image's bytes would be.

        Raises `ServiceKeyUnusable`, `CertificatesUnavailable`, and what `Verification.check` raises where the service's
        certificate does not count for the image: the operator has to trust it.
        """
        key = await self._key.current()
        certificate_id = await self._certificates.publish()
        empty = key.sign_image(hashlib.sha256().digest(), certificate_id, HASH_METHOD)
        bare = {name: value for name, value in image.properties.items() if name not in OF_SIGNATURES}
        signed = replace(image, properties={**bare, **empty})
        check = await self._verification.check(signed, stores, found=Found(certificate=key.der))
        return Prospect(key, certificate_id, check)
