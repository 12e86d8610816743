"""Reading the bundles that cosign and others of sigstore write: the present format, and cosign's old one."""

import base64
import binascii
from typing import Any

import msgspec

from intaglio.signatures.upstream import UpstreamSignatureUnusable

_MEDIA = "application/vnd.dev.sigstore.bundle"
_HASHES = {"SHA2_256": "sha256", "SHA2_384": "sha384", "SHA2_512": "sha512"}
_STATEMENT = "application/vnd.in-toto+json"
_MOST = 64  # signatures, or subjects that are looked at


class _Digest(msgspec.Struct, frozen=True, rename="camel"):
    algorithm: str = "SHA2_256"


class _Message(msgspec.Struct, frozen=True, rename="camel"):
    signature: str
    message_digest: _Digest = _Digest()


class _Signature(msgspec.Struct):
    sig: str


class _Envelope(msgspec.Struct, frozen=True, rename="camel"):
    payload: str
    payload_type: str
    signatures: list[_Signature]


class _Bundle(msgspec.Struct, frozen=True, rename="camel"):
    """What is read of either format; the rest is for logs that nobody asks here."""

    media_type: str = ""
    message_signature: _Message | None = None
    dsse_envelope: _Envelope | None = None
    base64_signature: str | None = msgspec.field(default=None, name="base64Signature")


class _Subject(msgspec.Struct):
    digest: dict[str, str] = {}


class _Statement(msgspec.Struct):
    subject: list[_Subject]
    type: str = msgspec.field(name="_type")


class Message(msgspec.Struct, frozen=True):
    """A signature of the data."""

    signature: bytes
    hash_name: str


class Envelope(msgspec.Struct, frozen=True):
    """A signed statement. `signed` is what the signatures are about, `digests` the SHA-256 of the data it names."""

    signed: bytes
    signatures: tuple[bytes, ...]
    digests: frozenset[str]


def read(text: bytes) -> Message | Envelope:
    """What a bundle says. Raises `UpstreamSignatureUnusable`."""
    bundle = _decoded(text, _Bundle)
    if bundle.base64_signature is not None:
        return Message(_bytes(bundle.base64_signature), "sha256")
    if not bundle.media_type.startswith(_MEDIA):
        raise _unusable("it does not say that it is one")
    if bundle.message_signature is not None:
        hash_name = _HASHES.get(bundle.message_signature.message_digest.algorithm)
        if hash_name is None:
            raise _unusable("the digest in it is none of SHA2_256, SHA2_384, SHA2_512")
        return Message(_bytes(bundle.message_signature.signature), hash_name)
    if bundle.dsse_envelope is not None:
        return _envelope(bundle.dsse_envelope)
    raise _unusable("there is no signature in it")


def _envelope(found: _Envelope) -> Envelope:
    payload = _bytes(found.payload)
    if found.payload_type != _STATEMENT:
        raise _unusable("what is signed in it is no statement of in-toto")
    statement = _decoded(payload, _Statement)
    if not statement.type.startswith("https://in-toto.io/Statement/"):
        raise _unusable("what is signed in it is no statement of in-toto")
    digests = frozenset(each.digest["sha256"].lower() for each in statement.subject[:_MOST] if "sha256" in each.digest)
    kind = found.payload_type.encode()
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    return Envelope(signed, tuple(_bytes(each.sig) for each in found.signatures[:_MOST]), digests)


def _decoded(text: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unusable(str(error)[:200]) from None


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _unusable("something in it should be base64") from None


def _unusable(why: str) -> UpstreamSignatureUnusable:
    return UpstreamSignatureUnusable(f"The sigstore bundle cannot be used: {why}.")
