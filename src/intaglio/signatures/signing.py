"""Making the signature of a file: the four properties by which an image says who signed its bytes."""

import base64
import hashlib
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa, utils

from intaglio.base.errors import Invalid
from intaglio.domain.signatures import (
    CERTIFICATE,
    CURVES,
    DSA,
    HASH_METHOD,
    HASHES,
    KEY_TYPE,
    RSA_PSS,
    SIGNATURE,
    declared,
)
from intaglio.signatures.certificates import HASH_OBJECTS, signer


class KeyUnusable(Invalid):
    """The private key cannot be read, or is of a kind with which images are not signed."""

    code = "key-unusable"


class PassphraseNeeded(KeyUnusable):
    """The private key is encrypted."""

    code = "passphrase-needed"


def read_key(data: bytes, passphrase: bytes | None = None) -> Any:
    """The private key in a file in PEM. Raises `PassphraseNeeded`, `KeyUnusable`."""
    try:
        return serialization.load_pem_private_key(data, passphrase)
    except TypeError:
        if passphrase is None:
            raise PassphraseNeeded("The private key is encrypted.") from None
        return serialization.load_pem_private_key(data, None)
    except (ValueError, UnsupportedAlgorithm):
        wrong = "" if passphrase is None else ", or the passphrase is wrong"
        raise KeyUnusable(f"The file holds no private key in PEM{wrong}.") from None


def sign(
    path: Path, key: Any, certificate_id: str, hash_method: str = "SHA-256", certificate: bytes | None = None
) -> dict[str, str]:
    """The four properties of an image with the file's bytes, which are read once.

    `certificate` is the DER form of the signer's: what is made is then verified under it, so that a key that belongs to
    another certificate is noticed here. Raises `KeyUnusable`, `CertificateUnusable`, `SignatureMismatch`, OSError.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, HASHES[hash_method]).digest()
    return sign_digest(digest, key, certificate_id, hash_method, certificate)


def sign_digest(
    digest: bytes, key: Any, certificate_id: str, hash_method: str, certificate: bytes | None = None
) -> dict[str, str]:
    """The four properties of an image whose bytes have this digest, by the hash of `hash_method`; see `sign`."""
    kind = key_type(key)
    method = HASH_OBJECTS[HASHES[hash_method]]()
    hashed = utils.Prehashed(method)
    if isinstance(key, rsa.RSAPrivateKey):
        made = key.sign(digest, padding.PSS(padding.MGF1(method), padding.PSS.MAX_LENGTH), hashed)
    elif isinstance(key, dsa.DSAPrivateKey):
        made = key.sign(digest, hashed)
    else:
        made = key.sign(digest, ec.ECDSA(hashed))
    properties: dict[str, str] = {
        SIGNATURE: base64.b64encode(made).decode(),
        HASH_METHOD: hash_method,
        KEY_TYPE: kind,
        CERTIFICATE: certificate_id,
    }
    read = declared(properties)
    if certificate is not None and read is not None:
        signer(certificate, read, smallest_bits=0).require(digest)
    return properties


def key_type(key: object) -> str:
    """What the four properties call a key of this kind. Raises `KeyUnusable`."""
    if isinstance(key, rsa.RSAPrivateKey):
        return RSA_PSS
    if isinstance(key, dsa.DSAPrivateKey):
        return DSA
    if isinstance(key, ec.EllipticCurvePrivateKey):
        for name, curve in CURVES.items():
            if curve == key.curve.name:
                return name
    raise KeyUnusable("Images are signed with keys of RSA, DSA, and the curves secp384r1 and secp521r1.")
