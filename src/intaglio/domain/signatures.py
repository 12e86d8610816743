"""The four properties of a signed image, and what the service notes when it has verified one.

Source of the properties: the OpenStack image signature properties that Nova, Cinder and Glance read (cursive).
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime

import msgspec

from intaglio.base.errors import Invalid
from intaglio.domain.properties import SERVICE_PREFIX

SIGNATURE = "img_signature"
HASH_METHOD = "img_signature_hash_method"
KEY_TYPE = "img_signature_key_type"
CERTIFICATE = "img_signature_certificate_uuid"
PROPERTIES = (SIGNATURE, HASH_METHOD, KEY_TYPE, CERTIFICATE)

EVIDENCE = f"{SERVICE_PREFIX}_signature_evidence"
"""The property in which the service notes what it verified; no caller can set it."""

OF_SIGNATURES = frozenset({*PROPERTIES, EVIDENCE})

HASHES: Mapping[str, str] = {"SHA-224": "sha224", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
"""From the method's name to hashlib's."""

CURVES: Mapping[str, str] = {
    "ECC_SECP384R1": "secp384r1",
    "ECC_SECP521R1": "secp521r1",
    "ECC_SECT409K1": "sect409k1",
    "ECC_SECT409R1": "sect409r1",
    "ECC_SECT571K1": "sect571k1",
    "ECC_SECT571R1": "sect571r1",
}
"""The curve that each key type with one is about."""

RSA_PSS, DSA = "RSA-PSS", "DSA"
KEY_TYPES = (RSA_PSS, DSA, *CURVES)

_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")  # it becomes part of a path at the key manager
_SHOWN = 60


class SignatureIncomplete(Invalid):
    """Some of the four properties of a signed image are there, and some are not."""

    code = "signature-incomplete"


class SignatureMalformed(Invalid):
    """One of the four properties holds what it cannot hold."""

    code = "signature-malformed"


class ImageSignature(msgspec.Struct, frozen=True, kw_only=True):
    """What the four properties say, read. `algorithm` is hashlib's name of the hash method."""

    signature: bytes
    algorithm: str
    key_type: str
    certificate_id: str

    @property
    def fingerprint(self) -> str:
        """Another one for every other signature, and for the same one with another certificate."""
        words = (self.key_type, self.algorithm, self.certificate_id, self.signature.hex())
        return hashlib.sha256("\n".join(words).encode()).hexdigest()


class Verified(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """That a signature was verified. `at` is naive UTC, `certificate` the SHA-256 of its DER form in hex."""

    fingerprint: str  # the signature's
    at: datetime
    certificate: str
    subject: str
    trusted_by: str  # the subject of the root; empty where any certificate of the key manager is believed
    chain: tuple[str, ...] = ()  # fingerprints, from the certificate to that root


class Evidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of an image's bytes by way of signatures, beside their digest on record.

    `data` is that digest: evidence of other bytes counts for nothing. `digests` are hex, by hashlib's names.
    """

    data: str
    digests: Mapping[str, str] = {}
    verified: Verified | None = None

    def text(self) -> str:
        """The value of the property."""
        return msgspec.json.encode(self).decode()


def declared(properties: Mapping[str, str | None]) -> ImageSignature | None:
    """The signature that an image says it has, None when it says nothing of one.

    Raises `SignatureIncomplete`, `SignatureMalformed`.
    """
    there = [name for name in PROPERTIES if name in properties]
    if not there:
        return None
    empty = [name for name in PROPERTIES if not properties.get(name)]
    if empty:
        raise SignatureIncomplete(
            f"A signed image needs all of {', '.join(PROPERTIES)}; without a value here: {', '.join(empty)}."
        )
    return ImageSignature(
        signature=_decoded(properties[SIGNATURE] or ""),
        algorithm=_algorithm(properties[HASH_METHOD] or ""),
        key_type=_key_type(properties[KEY_TYPE] or ""),
        certificate_id=_certificate_id(properties[CERTIFICATE] or ""),
    )


def differs(before: Mapping[str, str | None], after: Mapping[str, str | None]) -> bool:
    """Whether one of the four properties is another one."""
    return any((name in before, before.get(name)) != (name in after, after.get(name)) for name in PROPERTIES)


def evidence_of(properties: Mapping[str, str | None], data: str | None) -> Evidence | None:
    """What is noted of the bytes whose digest on record is `data`, None when that is nothing."""
    text = properties.get(EVIDENCE)
    if not text or data is None:
        return None
    try:
        found = msgspec.json.decode(text, type=Evidence)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found if found.data == data else None


def _decoded(text: str) -> bytes:
    try:
        found = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if not found:
        raise SignatureMalformed(f"{SIGNATURE} must be the signature in base64.")
    return found


def _algorithm(name: str) -> str:
    if name not in HASHES:
        raise SignatureMalformed(f"{HASH_METHOD} must be one of {', '.join(HASHES)}, not '{name[:_SHOWN]}'.")
    return HASHES[name]


def _key_type(name: str) -> str:
    if name not in KEY_TYPES:
        raise SignatureMalformed(f"{KEY_TYPE} must be one of {', '.join(KEY_TYPES)}, not '{name[:_SHOWN]}'.")
    return name


def _certificate_id(text: str) -> str:
    if _ID.fullmatch(text) is None:
        raise SignatureMalformed(f"{CERTIFICATE} must be the id of a certificate, such as a UUID.")
    return text
