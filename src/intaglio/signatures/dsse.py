"""Envelopes that hold a document and its signatures: DSSE v1.0, with one signature by the service's own key.

Source: "DSSE: Dead Simple Signing Envelope", protocol and envelope, version 1.0.
"""

import base64
import binascii
from collections.abc import Iterable

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from intaglio.base.errors import Invalid
from intaglio.signatures.certificates import name_of
from intaglio.signatures.service_key import ServiceKey, keyid_of, require_signed

MEDIA_TYPE = "application/vnd.dsse.envelope.v1+json"


class EnvelopeMalformed(Invalid):
    """What should be a DSSE envelope is none."""

    code = "envelope-malformed"


class EnvelopeForged(Invalid):
    """No key that is believed signed what is in the envelope."""

    code = "envelope-forged"


class Signature(msgspec.Struct, frozen=True):
    """One signature, in base64. The keyid is only a hint: who verifies chooses the key."""

    sig: str
    keyid: str = ""


class Envelope(msgspec.Struct, frozen=True, rename="camel"):
    """A signed document, in base64."""

    payload: str
    payload_type: str
    signatures: tuple[Signature, ...]

    @property
    def document(self) -> bytes:
        """What is in it, not verified. Raises `EnvelopeMalformed`."""
        return _decoded(self.payload)


def sealed(key: ServiceKey, payload_type: str, document: bytes) -> str:
    """An envelope in JSON."""
    signature = base64.b64encode(key.sign(encoded(payload_type, document))).decode()
    payload = base64.b64encode(document).decode()
    envelope = Envelope(payload, payload_type, (Signature(sig=signature, keyid=key.keyid),))
    return msgspec.json.encode(envelope).decode()


def encoded(payload_type: str, document: bytes) -> bytes:
    """What is signed: DSSE's pre-authentication encoding."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(document), document)


def read(data: bytes | str) -> Envelope:
    """The envelope, not verified. Raises `EnvelopeMalformed`."""
    try:
        return msgspec.json.decode(data, type=Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise EnvelopeMalformed(f"This is no DSSE envelope: {error}.") from None


def opened(envelope: Envelope, payload_type: str, certificates: Iterable[x509.Certificate]) -> tuple[bytes, str]:
    """The document, and the keyid of the one of the certificates' keys that signed it.

    Raises `EnvelopeForged`, `EnvelopeMalformed`.
    """
    document = envelope.document
    if envelope.payload_type != payload_type:
        raise EnvelopeMalformed(f"The envelope holds {envelope.payload_type[:80]!r}, not {payload_type!r}.")
    believed = list(certificates)
    signed = encoded(payload_type, document)
    for signature in envelope.signatures:
        for certificate in believed:
            try:
                require_signed(certificate, _decoded(signature.sig), signed)
            except InvalidSignature:
                continue
            return document, keyid_of(certificate)
    names = ", ".join(sorted({name_of(each) for each in believed})) or "nobody"
    said = ", ".join(each.keyid[:16] for each in envelope.signatures) or "none"
    raise EnvelopeForged(
        f"The signature does not fit under the certificate of {names}: the document was changed, or another key signed "
        f"it (it says: {said})."
    )


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise EnvelopeMalformed("The envelope's payload and signatures must be in base64.") from None
