"""Verifying a receipt, and bytes by it, with nothing but the service's certificate at hand: no service is asked."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
from cryptography import x509

from intaglio.base.errors import Invalid
from intaglio.domain.receipts import PAYLOAD_TYPE, PREDICATE, STATEMENT
from intaglio.domain.signatures import CERTIFICATE, HASH_METHOD, HASHES, KEY_TYPE, SIGNATURE, declared
from intaglio.signatures import dsse
from intaglio.signatures.base import CertificateUnusable, SignatureMismatch
from intaglio.signatures.certificates import der_of, fingerprint, read, signer
from intaglio.signatures.service_key import keyid_of

WEAK = frozenset({"md5", "sha1"})


class ReceiptMalformed(Invalid):
    """What was signed is no receipt of an image, or one of a form that this release does not know."""

    code = "receipt-malformed"


class Link(msgspec.Struct, frozen=True):
    """A certificate of a signer's chain."""

    sha256: str
    pem: str | None = None


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """What a receipt says of an image's signature. `state`: `verified`, `not-verified` or `unsigned`."""

    state: str
    signer: str | None = None
    certificate_sha256: str | None = None
    certificate_id: str | None = None
    key_type: str | None = None
    hash_method: str | None = None
    value: str | None = None
    trusted_by: str | None = None
    verified_at: str | None = None
    chain: tuple[Link, ...] = ()


class Predicate(msgspec.Struct, frozen=True, kw_only=True):
    """What a receipt says of an image, as far as it is verified here."""

    image: str
    size: int | None
    digests: str
    signature: Signed
    issued_at: str


class Subject(msgspec.Struct, frozen=True):
    """What a statement is about."""

    name: str
    digest: Mapping[str, str]


class Statement(msgspec.Struct, frozen=True, kw_only=True, rename={"kind": "_type", "predicate_type": "predicateType"}):
    """An in-toto statement that is a receipt."""

    kind: str
    subject: tuple[Subject, ...]
    predicate_type: str
    predicate: Predicate


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt whose signature was verified: by the key of that id, with a certificate of that fingerprint."""

    keyid: str
    certificate: str
    digests: Mapping[str, str]
    says: Predicate

    @property
    def known(self) -> Mapping[str, str]:
        """The digests that this machine can compute."""
        return {name: value for name, value in self.digests.items() if name in hashlib.algorithms_available}

    @property
    def algorithms(self) -> Sequence[str]:
        """What has to be computed of the bytes: these, and the one that the image's signature is about."""
        signed = HASHES.get(self.says.signature.hash_method or "")
        return tuple(dict.fromkeys([*self.known, *([signed] if signed else [])]))


class Measured(msgspec.Struct, frozen=True):
    """What bytes are: how many, and their digests, hex by hashlib's names."""

    size: int
    digests: Mapping[str, str]


def certificates_in(pem: bytes) -> list[x509.Certificate]:
    """All certificates of a file. Raises `CertificateUnusable`."""
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise CertificateUnusable("The file holds no certificates in PEM.") from None


def claims(envelope: bytes | str, believed: Iterable[x509.Certificate]) -> Claims:
    """The receipt, if one of the believed certificates' keys signed it; of the certificates, not of those above them.

    Raises `EnvelopeMalformed`, `EnvelopeForged`, `ReceiptMalformed`.
    """
    known = list(believed)
    document, keyid = dsse.opened(dsse.read(envelope), PAYLOAD_TYPE, known)
    try:
        found = msgspec.json.decode(document, type=Statement)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ReceiptMalformed(f"What was signed is no receipt: {error}.") from None
    if found.kind != STATEMENT or found.predicate_type != PREDICATE or len(found.subject) != 1:
        raise ReceiptMalformed(f"What was signed is a {found.predicate_type[:80]!r}, not a receipt ({PREDICATE}).")
    by = next(each for each in known if keyid_of(each) == keyid)
    return Claims(keyid=keyid, certificate=fingerprint(by), digests=found.subject[0].digest, says=found.predicate)


def measured(pieces: Iterable[bytes], algorithms: Iterable[str], told: Callable[[int], None]) -> Measured:
    """Read bytes to their end; `told` hears of each piece's length."""
    running = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}
    size = 0
    for piece in pieces:
        for digest in running.values():
            digest.update(piece)
        size += len(piece)
        told(len(piece))
    return Measured(size, {name: digest.hexdigest() for name, digest in running.items()})


def differences(receipt: Claims, found: Measured) -> list[str]:
    """In what bytes are not those of the receipt, in words; none: they are."""
    said = receipt.says.size
    wrong = [] if said in {None, found.size} else [f"there are {found.size} bytes, and the receipt says {said}"]
    return wrong + [
        f"their {name} is {found.digests[name]}, and the receipt says {value}"
        for name, value in receipt.known.items()
        if found.digests.get(name) != value
    ]


def signed_by(receipt: Claims, digests: Mapping[str, str], pinned: bytes | None = None) -> str | None:
    """Whose signature of the image fits: the certificate's fingerprint; None when there is nothing to tell it by.

    `digests` are those of the bytes, or the receipt's own. `pinned` is the certificate (PEM or DER) that it has to be;
    without it the one that the receipt shows counts. Raises `SignatureMismatch`, `CertificateUnusable`,
    `SignatureMalformed`.
    """
    said = receipt.says.signature
    shown = next((each.pem for each in said.chain if each.pem), None)
    der = der_of(pinned) if pinned is not None else None if shown is None else der_of(shown.encode())
    if der is None or said.value is None:
        if pinned is not None:
            raise SignatureMismatch("The receipt shows no signature of the image.")
        return None
    four = {SIGNATURE: said.value, KEY_TYPE: said.key_type, HASH_METHOD: said.hash_method}
    signature = declared({**four, CERTIFICATE: said.certificate_id})
    if signature is None or signature.algorithm not in digests:
        return None
    signer(der, signature, smallest_bits=0).require(bytes.fromhex(digests[signature.algorithm]))
    return fingerprint(read(der))
