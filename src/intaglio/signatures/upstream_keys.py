"""Upstreams' signatures by X.509 certificates and bare public keys: CMS, sigstore bundles, and signatures alone.

Sources: RFC 5652 (CMS), the sigstore bundle format 0.3 and cosign's older one, DSSE 1.0 with in-toto statements.
Nothing is asked of any network: who signed is decided by the key that was named, not by a log.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from intaglio.signatures import upstream_cms as cms
from intaglio.signatures.certificates import HASH_OBJECTS, fingerprint, name_of
from intaglio.signatures.trust import require_signer
from intaglio.signatures.upstream import (
    HASHES,
    Digesting,
    Key,
    UpstreamKeyUnknown,
    UpstreamKeyUnusable,
    UpstreamSignatureUnusable,
    Witness,
    mismatch,
)
from intaglio.signatures.upstream_bundle import Envelope, Message, read

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_SMALLEST_RSA = 2048
_DER = serialization.Encoding.DER


class _Signer(msgspec.Struct, frozen=True):
    """A public key, alone or in a certificate."""

    key: Any
    source: str
    certificate: x509.Certificate | None = None

    @property
    def spki(self) -> bytes:
        data: bytes = self.key.public_bytes(_DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return data

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """The certificate's first, where there is one."""
        own = hashlib.sha256(self.spki).hexdigest()
        return (own,) if self.certificate is None else (fingerprint(self.certificate), own)

    @property
    def names(self) -> tuple[str, ...]:
        return () if self.certificate is None else (name_of(self.certificate),)

    def fits(self, signature: bytes, digest: bytes, hash_name: str) -> bool:
        """Whether it signed this digest; the whole message for Ed25519. Padding of RSA: PKCS #1 v1.5, or PSS."""
        hashed = utils.Prehashed(HASH_OBJECTS[hash_name]())
        if isinstance(self.key, ed25519.Ed25519PublicKey):
            return _holds(lambda: self.key.verify(signature, digest))
        if isinstance(self.key, ec.EllipticCurvePublicKey):
            return _holds(lambda: self.key.verify(signature, digest, ec.ECDSA(hashed)))
        mask = padding.MGF1(HASH_OBJECTS[hash_name]())
        paddings = (padding.PKCS1v15(), padding.PSS(mask, padding.PSS.AUTO))
        return any(_holds(lambda each=each: self.key.verify(signature, digest, each, hashed)) for each in paddings)  # type: ignore[misc]

    def witness(self, kind: str, hash_name: str, signature: bytes) -> Witness:
        data = self.spki if self.certificate is None else self.certificate.public_bytes(_DER)
        return Witness(
            kind=kind,
            signer=self.fingerprints[0],
            key="" if self.certificate is None else self.fingerprints[1],
            names=self.names,
            hash_name=hash_name,
            key_source=self.source,
            key_data=data,
            signature=signature,
        )


class _Ready(msgspec.Struct, frozen=True):
    hash_name: str
    settle: Callable[[bytes], Witness]

    def start(self) -> Digesting:
        return Digesting(self.hash_name, self.settle)


def prepare(signature: bytes, keys: Sequence[Key], by: str | None, hash_name: str) -> _Ready:
    """See `upstream.prepare`."""
    if hash_name not in HASHES:
        raise UpstreamSignatureUnusable(f"The hash of a signature is one of {', '.join(HASHES)}.")
    known = [signer for key in keys for signer in _signers(key)]
    if signature.lstrip().startswith(b"{"):
        return _of_bundle(signature, _wanted(known, by))
    if cms.looks_so(signature):
        return _of_cms(signature, known, by)
    return _bare(signature, signature, _wanted(known, by), hash_name, "raw")


def _signers(key: Key) -> list[_Signer]:
    """Every key in a file. Raises `UpstreamKeyUnusable`."""
    try:
        if b"-----BEGIN CERTIFICATE-----" in key.data:
            certificates = x509.load_pem_x509_certificates(key.data)
        elif key.data.startswith(b"0"):
            certificates = [x509.load_der_x509_certificate(key.data)]
        else:
            return [_usable(_Signer(serialization.load_pem_public_key(key.data), key.source))]
        return [_usable(_Signer(each.public_key(), key.source, each)) for each in certificates]
    except (ValueError, UnsupportedAlgorithm):
        raise UpstreamKeyUnusable("The key is damaged, or of a kind that cannot be used here.") from None


def _usable(signer: _Signer) -> _Signer:
    if isinstance(signer.key, rsa.RSAPublicKey) and signer.key.key_size < _SMALLEST_RSA:
        raise UpstreamKeyUnusable(f"A key of RSA with {signer.key.key_size} bits proves nothing.")
    if not isinstance(signer.key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey):
        raise UpstreamKeyUnusable("Keys that count are of RSA, elliptic curves, or Ed25519.")
    return signer


def _wanted(known: Sequence[_Signer], by: str | None) -> list[_Signer]:
    if by is None:
        return list(known)
    wanted = _pinned(by)
    found = [signer for signer in known if wanted in signer.fingerprints]
    if not found:
        raise UpstreamKeyUnknown(f"None of the keys has the fingerprint {wanted}.")
    return found


def _pinned(by: str) -> str:
    found = by.replace(":", "").replace(" ", "").lower().removeprefix("sha256")
    if _FINGERPRINT.fullmatch(found) is None:
        raise UpstreamKeyUnusable("The fingerprint of a certificate or public key is the SHA-256 of its DER form.")
    return found


def _bare(signature: bytes, evidence: bytes, signers: Sequence[_Signer], hash_name: str, kind: str) -> _Ready:
    """Of one signature without anything around it. Keys of Ed25519 and of other kinds are not mixed."""
    whole = [signer for signer in signers if isinstance(signer.key, ed25519.Ed25519PublicKey)]
    chosen = [signer for signer in signers if signer not in whole] or whole

    def settle(digest: bytes) -> Witness:
        for signer in chosen:
            if signer.fits(signature, digest, hash_name):
                if signer.certificate is not None:
                    require_signer(signer.certificate)
                return signer.witness(kind, hash_name, evidence)
        raise mismatch([name for signer in chosen for name in (signer.names or signer.fingerprints)])

    return _Ready("" if chosen is whole or not chosen else hash_name, settle)


def _of_bundle(text: bytes, signers: Sequence[_Signer]) -> _Ready:
    found = read(text)
    if isinstance(found, Message):
        return _bare(found.signature, text, signers, found.hash_name, "sigstore")
    return _of_envelope(found, text, signers)


def _of_envelope(envelope: Envelope, text: bytes, signers: Sequence[_Signer]) -> _Ready:
    """A statement about data by their digest: whether it was signed is known before them."""
    hash_name = "sha256"
    digest = hashlib.sha256(envelope.signed).digest()
    signer = next(
        (
            signer
            for signer in signers
            for signature in envelope.signatures
            if signer.fits(
                signature,
                envelope.signed if isinstance(signer.key, ed25519.Ed25519PublicKey) else digest,
                hash_name,
            )
        ),
        None,
    )
    if signer is None:
        names = [name for each in signers for name in (each.names or each.fingerprints)]
        raise UpstreamKeyUnknown(f"The statement in the bundle was not signed by {', '.join(names)}.")
    counted = signer

    def settle(found: bytes) -> Witness:
        if found.hex() not in envelope.digests:
            raise mismatch(counted.names or counted.fingerprints)
        return counted.witness("dsse", hash_name, text)

    return _Ready(hash_name, settle)


def _of_cms(data: bytes, known: Sequence[_Signer], by: str | None) -> _Ready:
    """CMS: its signer is one of the certificates given, or one that these vouch for, directly or by others in it."""
    message = cms.read(data)
    roots = [signer for signer in known if signer.certificate is not None]
    certificate = message.signer([each.certificate for each in roots if each.certificate is not None])
    root = require_signer(
        certificate, [each.certificate for each in roots if each.certificate is not None], message.certificates
    )
    source = next((each.source for each in roots if each.certificate == root), "")
    signer = _usable(_Signer(certificate.public_key(), source, certificate))
    if by is not None and _pinned(by) not in signer.fingerprints and _pinned(by) != fingerprint(root):
        raise UpstreamKeyUnknown(
            f"The signature is by {name_of(certificate)}, who has not the fingerprint {_pinned(by)}."
        )

    def settle(digest: bytes) -> Witness:
        about = digest if message.attributes is None else message.attributes
        if message.attributes is not None and not isinstance(signer.key, ed25519.Ed25519PublicKey):
            about = hashlib.new(message.hash_name, message.attributes).digest()
        if not message.names(digest) or not signer.fits(message.signature, about, message.hash_name):
            raise mismatch(signer.names)
        return signer.witness("cms", message.hash_name, data)

    return _Ready(message.hash_name, settle)


def _holds(verify: Callable[[], object]) -> bool:
    try:
        verify()
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True
