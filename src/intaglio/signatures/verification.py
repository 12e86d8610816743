"""Whether an image's signature is asked for, who signed, and whether it holds: what every door for bytes asks."""

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from intaglio.base.clock import utcnow
from intaglio.domain.image import Image
from intaglio.domain.signatures import (
    EVIDENCE,
    PROPERTIES,
    Evidence,
    ImageSignature,
    Verified,
    declared,
    evidence_of,
)
from intaglio.signatures.base import (
    NOBODY,
    Asker,
    CertificateNotFound,
    Certificates,
    Found,
    SignatureChanged,
    SignatureMissing,
)
from intaglio.signatures.directory import CertificateDirectory
from intaglio.signatures.settings import Mode, SignatureSettings, Trust

if TYPE_CHECKING:
    from intaglio.signatures.certificates import Signer


_STRICTNESS = tuple(Mode)

Keep = Callable[[Mapping[str, str]], Awaitable[None]]
"""Takes certificates, PEM by fingerprint."""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A signature whose signer counts; what is left is to compare it with the bytes."""

    signer: "Signer"
    trusted_by: str
    chain: tuple[tuple[str, str], ...]  # fingerprint and PEM, from the signer's certificate to the root that counts
    moment: datetime  # for which the certificate was judged
    asked_for: tuple[str | None, str]  # the project and visibility that the signer counts for

    @property
    def signature(self) -> ImageSignature:
        return self.signer.signature

    @property
    def algorithm(self) -> str:
        """The name that hashlib has for the digest that was signed."""
        return self.signature.algorithm

    def require(self, digests: Mapping[str, str]) -> None:
        """Raise `SignatureMismatch` unless the digest of the bytes (hex, by name) is the one that was signed."""
        self.signer.require(bytes.fromhex(digests[self.algorithm]))

    def evidence(self, data: str, digests: Mapping[str, str]) -> str:
        """What is noted once it held for the bytes whose digest on record is `data`."""
        verified = Verified(
            fingerprint=self.signature.fingerprint,
            at=self.moment,
            certificate=self.signer.fingerprint,
            subject=self.signer.subject,
            trusted_by=self.trusted_by,
            chain=tuple(fingerprint for fingerprint, _ in self.chain),
        )
        return Evidence(data=data, digests=digests, verified=verified).text()


class Verification:
    """One for each process. What is read of the network or of disks is read outside of transactions."""

    def __init__(
        self,
        settings: SignatureSettings = SignatureSettings(),  # noqa: B008 - a frozen value
        certificates: Certificates | None = None,
        keep: Keep | None = None,
    ) -> None:
        """`keep` is given the certificates of every signer who counts, for proof later; it never raises."""
        self._settings = settings
        self._keep = keep
        self._certificates = certificates or CertificateDirectory(settings.certificate_dir)

    async def close(self) -> None:
        """Release what the key manager's client holds."""
        await self._certificates.close()

    @property
    def by_scope(self) -> bool:
        """Whether it depends on an image's owner or visibility whose signature counts."""
        settings = self._settings
        return settings.trust is Trust.ANCHORED or (settings.trust_dir / "visibilities").is_dir()

    def mode(self, image: Image, stores: Iterable[str]) -> Mode:
        """What is asked of the image when its data are in these stores.

        Its project's own mode stands in place of the general one; a stricter one of the others counts.
        """
        settings = self._settings
        modes = [settings.project_modes.get(image.owner or "", settings.mode)]
        modes += [settings.visibility_modes.get(image.visibility.value, Mode.OFF)]
        modes += [settings.store_modes.get(store, Mode.OFF) for store in stores]
        return max(modes, key=_STRICTNESS.index)

    def wanted(self, image: Image, stores: Iterable[str]) -> ImageSignature | None:
        """The signature to be verified before data become the image's in these stores; None when none has to be.

        Raises `SignatureMissing`, `SignatureIncomplete`, `SignatureMalformed`.
        """
        mode = self.mode(image, stores)
        if mode is Mode.OFF:
            return None
        signature = declared(image.properties)
        if signature is None and mode is Mode.REQUIRE:
            raise SignatureMissing(
                f"Image {image.id} is not signed, and has to be here: set {', '.join(PROPERTIES)}, then send its data."
            )
        return signature

    async def find(self, signature: ImageSignature, asker: Asker) -> Found:
        """Fetch what the signature has to be judged by, on behalf of `asker`.

        Raises `CertificateNotFound`, `CertificateUnusable`, `CertificatesUnavailable`.
        """
        certificate = await self._certificates.fetch(signature.certificate_id, asker)
        anchors = []
        for each in self._settings.trusted_certificate_ids:
            try:
                anchors.append(await self._certificates.fetch(each, asker))
            except CertificateNotFound:  # somebody else's root is no reason to refuse
                continue
        return Found(certificate=certificate, anchors=tuple(anchors))

    async def check(
        self, image: Image, stores: Collection[str], *, asker: Asker = NOBODY, found: Found | None = None
    ) -> Check | None:
        """Everything about the image's signature that can be known before its bytes; None when none is asked for.

        `found` spares fetching anew. A signature that was verified before may meanwhile have outlived its certificate.

        Raises what `wanted` and `find` raise, `CertificateUntrusted`, `CertificateExpired`, `CertificateRevoked`,
        `TrustStoreBroken`.
        """
        signature = self.wanted(image, stores)
        if signature is None:
            return None
        known = found or await self.find(signature, asker)
        check = await asyncio.to_thread(self._judged, image, signature, known, _moment(image, signature))
        if self._keep is not None:
            await self._keep(dict(check.chain))
        return check

    def _judged(self, image: Image, signature: ImageSignature, found: Found, moment: datetime) -> Check:
        # By name: what reads certificates takes a while to import, and most images are not signed.
        certificates: Any = importlib.import_module("intaglio.signatures.certificates")
        trust: Any = importlib.import_module("intaglio.signatures.trust")
        settings = self._settings
        signer = certificates.signer(found.certificate, signature, smallest_bits=settings.smallest_key_bits)
        scope = trust.Scope(image.owner, image.visibility.value)
        vouched = trust.TrustStore(settings).vouch(signer.certificate, scope, found.anchors, moment)
        chain = tuple((certificates.fingerprint(each), certificates.pem_of(each)) for each in vouched.chain)
        return Check(signer=signer, trusted_by=vouched.root, chain=chain, moment=moment, asked_for=_asked_for(image))

    def noted(
        self, image: Image, stores: Collection[str], check: Check | None, data: str, digests: Mapping[str, str]
    ) -> dict[str, str | None]:
        """The properties of an image that has just got, in these stores, the bytes which `check` was about.

        `data` is their digest on record, `digests` all that were computed. Raises `SignatureChanged`, and what
        `wanted` raises, when the image is not any more what was checked.
        """
        kept = {name: value for name, value in image.properties.items() if name != EVIDENCE}
        self.require_same(image, stores, check)
        if check is None:
            return kept
        return {**kept, EVIDENCE: check.evidence(data, {check.algorithm: digests[check.algorithm]})}

    def require_same(self, image: Image, stores: Collection[str], check: Check | None) -> None:
        """Raise `SignatureChanged` unless it is this image's signature that was checked, for those who see it now."""
        signature = self.wanted(image, stores)
        checked = None if check is None else check.signature
        moved = check is not None and check.asked_for != _asked_for(image) and self.by_scope
        if signature is not None and (signature != checked or moved):
            raise SignatureChanged(
                f"The signature of image {image.id}, its owner or its visibility changed while its data were verified."
            )


def _asked_for(image: Image) -> tuple[str | None, str]:
    return image.owner, image.visibility.value


def _moment(image: Image, signature: ImageSignature) -> datetime:
    """For when the certificate is judged: for when the signature was verified first, as far as that is noted."""
    evidence = evidence_of(image.properties, image.os_hash_value)
    verified = None if evidence is None else evidence.verified
    return verified.at if verified is not None and verified.fingerprint == signature.fingerprint else utcnow()
