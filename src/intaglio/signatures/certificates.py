"""One certificate: its key, and whether a digest was signed by it. The arithmetic is cryptography's."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa, utils

from intaglio.domain.signatures import CURVES, DSA, RSA_PSS, ImageSignature
from intaglio.signatures.base import CertificateUnusable, SignatureMismatch

# cryptography compares; the bytes are digested by hashlib, whose digests let other threads work meanwhile
HASH_OBJECTS: Mapping[str, Callable[[], hashes.HashAlgorithm]] = {
    "sha224": hashes.SHA224,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}


class Signer(msgspec.Struct, frozen=True):
    """A certificate and its public key, of the kind that the signature needs."""

    certificate: x509.Certificate
    key: Any
    signature: ImageSignature

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the certificate, in hex."""
        return fingerprint(self.certificate)

    @property
    def subject(self) -> str:
        return name_of(self.certificate)

    def require(self, digest: bytes) -> None:
        """Raise `SignatureMismatch` unless it is this digest that was signed."""
        try:
            self._verify(digest, utils.Prehashed(HASH_OBJECTS[self.signature.algorithm]()))
        except (InvalidSignature, ValueError):
            raise SignatureMismatch(
                f"The data are not what was signed: their signature does not fit under the key of {self.subject}."
            ) from None

    def _verify(self, digest: bytes, hashed: utils.Prehashed) -> None:
        given = self.signature.signature
        if isinstance(self.key, rsa.RSAPublicKey):
            mask = padding.MGF1(HASH_OBJECTS[self.signature.algorithm]())
            self.key.verify(given, digest, padding.PSS(mask, padding.PSS.AUTO), hashed)
        elif isinstance(self.key, dsa.DSAPublicKey):
            self.key.verify(given, digest, hashed)
        else:
            self.key.verify(given, digest, ec.ECDSA(hashed))


def signer(der: bytes, signature: ImageSignature, *, smallest_bits: int) -> Signer:
    """The signer whom the certificate is about. Raises `CertificateUnusable`."""
    certificate = read(der)
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateUnusable(
            f"The key in the certificate {signature.certificate_id} is of a kind that cannot be used here."
        ) from None
    _require_kind(key, signature)
    if isinstance(key, rsa.RSAPublicKey | dsa.DSAPublicKey) and key.key_size < smallest_bits:
        raise CertificateUnusable(
            f"The key in the certificate {signature.certificate_id} has {key.key_size} bits; {smallest_bits} are the "
            "least that are believed here."
        )
    return Signer(certificate, key, signature)


def read(der: bytes) -> x509.Certificate:
    """The certificate. Raises `CertificateUnusable`."""
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError:
        raise CertificateUnusable("This is no X.509 certificate.") from None


def der_of(data: bytes) -> bytes:
    """The DER form of a file's one certificate, in PEM or DER. Raises `CertificateUnusable`."""
    try:
        found = (
            x509.load_pem_x509_certificates(data) if b"-----BEGIN" in data else [x509.load_der_x509_certificate(data)]
        )
    except ValueError:
        raise CertificateUnusable("The file is no X.509 certificate in PEM or DER.") from None
    if len(found) != 1:
        raise CertificateUnusable(f"The file holds {len(found)} certificates; put the signer's into one of its own.")
    return found[0].public_bytes(serialization.Encoding.DER)


def fingerprint(certificate: x509.Certificate) -> str:
    """Its SHA-256, in hex."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def pem_of(certificate: x509.Certificate) -> str:
    """Its form in PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def name_of(certificate: x509.Certificate) -> str:
    """Its subject as RFC 4514 writes it; its serial number when it has none."""
    try:
        return certificate.subject.rfc4514_string() or f"serial number {certificate.serial_number:x}"
    except ValueError:  # a name that is none
        return f"fingerprint {fingerprint(certificate)}"


def _require_kind(key: object, signature: ImageSignature) -> None:
    wanted = signature.key_type
    if wanted == RSA_PSS:
        fits = isinstance(key, rsa.RSAPublicKey)
    elif wanted == DSA:
        fits = isinstance(key, dsa.DSAPublicKey)
    else:
        fits = isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == CURVES[wanted]
    if not fits:
        raise CertificateUnusable(
            f"The certificate {signature.certificate_id} holds a key of {kind_of(key)}, and the image says {wanted}."
        )


def kind_of(key: object) -> str:
    """The kind of a public key, in words."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"the curve {key.curve.name}"
    if isinstance(key, rsa.RSAPublicKey | dsa.DSAPublicKey):
        return f"{'RSA' if isinstance(key, rsa.RSAPublicKey) else 'DSA'} with {key.key_size} bits"
    return "another kind"
