"""Reading detached signatures in CMS (RFC 5652), in DER or PEM. The notation is pyasn1's, the arithmetic not here."""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Any

import msgspec
from cryptography import x509
from pyasn1.codec.der import decoder, encoder
from pyasn1.error import PyAsn1Error
from pyasn1.type import univ
from pyasn1_modules import rfc5652

from intaglio.signatures.upstream import UpstreamKeyUnknown, UpstreamSignatureUnusable

_PEM = re.compile(rb"-----BEGIN (CMS|PKCS7)-----\s+(.*?)-----END \1-----", re.DOTALL)
_HASHES = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
_MOST_CERTIFICATES = 32
_DATA = rfc5652.id_data


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One signer's part of it. `attributes` is what was signed in place of the data, None when there is nothing."""

    hash_name: str
    signature: bytes
    certificates: tuple[x509.Certificate, ...]
    serial: int | None
    issuer: bytes
    key_identifier: bytes
    attributes: bytes | None
    digest: bytes  # of the data, as the attributes say it

    def signer(self, more: Sequence[x509.Certificate]) -> x509.Certificate:
        """The certificate that it says it is by. Raises `UpstreamKeyUnknown`."""
        for each in (*more, *self.certificates):
            if self._means(each):
                return each
        raise UpstreamKeyUnknown("The signature is not by the certificate that was given, nor does it bring one.")

    def names(self, digest: bytes) -> bool:
        """Whether the data have the digest that was signed."""
        return self.attributes is None or self.digest == digest

    def _means(self, certificate: x509.Certificate) -> bool:
        if self.serial is not None:
            return certificate.serial_number == self.serial and certificate.issuer.public_bytes() == self.issuer
        try:
            found = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
        except (x509.ExtensionNotFound, ValueError, x509.DuplicateExtension):
            return False
        return bool(self.key_identifier) and found == self.key_identifier


def looks_so(data: bytes) -> bool:
    """Whether this is CMS: in PEM, or with its identifier at the beginning."""
    return _PEM.search(data) is not None or b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02" in data[:32]


def read(data: bytes) -> Message:
    """The message. Raises `UpstreamSignatureUnusable`."""
    try:
        content, rest = decoder.decode(_der(data), asn1Spec=rfc5652.ContentInfo())
        if rest or content["contentType"] != rfc5652.id_signedData:
            raise _unusable("it is none of signed data")
        signed, _ = decoder.decode(content["content"], asn1Spec=rfc5652.SignedData())
        return _message(signed)
    except (PyAsn1Error, RecursionError, ValueError, KeyError, IndexError, AttributeError, TypeError, OverflowError):
        raise _unusable("it is damaged") from None


def _message(signed: Any) -> Message:
    if signed["encapContentInfo"]["eContent"].isValue:
        raise _unusable("it holds data of its own, and has to be detached")
    if len(signed["signerInfos"]) != 1:
        raise _unusable("it has to be by one signer")
    (info,) = signed["signerInfos"]
    hash_name = _HASHES.get(str(info["digestAlgorithm"]["algorithm"]))
    if hash_name is None:
        raise _unusable("its digest is none of SHA-256, SHA-384, SHA-512")
    attributes, digest = _attributes(info)
    sid = info["sid"]
    by_serial = sid.getName() == "issuerAndSerialNumber"
    return Message(
        hash_name=hash_name,
        signature=bytes(info["signature"]),
        certificates=tuple(_certificates(signed)),
        serial=int(sid["issuerAndSerialNumber"]["serialNumber"]) if by_serial else None,
        issuer=encoder.encode(sid["issuerAndSerialNumber"]["issuer"]) if by_serial else b"",
        key_identifier=b"" if by_serial else bytes(sid["subjectKeyIdentifier"]),
        attributes=attributes,
        digest=digest,
    )


def _attributes(info: Any) -> tuple[bytes | None, bytes]:
    """The signed attributes as they were signed, and the digest of the data in them."""
    if not info["signedAttrs"].isValue or not len(info["signedAttrs"]):
        return None, b""
    plain = univ.SetOf(componentType=rfc5652.Attribute())
    found: dict[str, Any] = {}
    for number, attribute in enumerate(info["signedAttrs"]):
        plain[number] = attribute
        if str(attribute["attrType"]) in found or len(attribute["attrValues"]) != 1:
            raise _unusable("an attribute in it is there twice")
        found[str(attribute["attrType"])] = attribute["attrValues"][0]
    kind, _ = decoder.decode(found[str(rfc5652.id_contentType)], asn1Spec=rfc5652.ContentType())
    digest, _ = decoder.decode(found[str(rfc5652.id_messageDigest)], asn1Spec=rfc5652.MessageDigest())
    if kind != _DATA:
        raise _unusable("it is not about plain data")
    return encoder.encode(plain), bytes(digest)


def _certificates(signed: Any) -> list[x509.Certificate]:
    if not signed["certificates"].isValue:
        return []
    return [
        x509.load_der_x509_certificate(encoder.encode(choice["certificate"]))
        for choice in list(signed["certificates"])[:_MOST_CERTIFICATES]
        if choice.getName() == "certificate"
    ]


def _der(data: bytes) -> bytes:
    armoured = _PEM.search(data)
    try:
        return data if armoured is None else base64.b64decode(b"".join(armoured[2].split()), validate=True)
    except (binascii.Error, ValueError):
        raise _unusable("its base64 is damaged") from None


def _unusable(why: str) -> UpstreamSignatureUnusable:
    return UpstreamSignatureUnusable(f"The CMS signature cannot be used: {why}.")
