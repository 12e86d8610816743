"""Signatures by OpenPGP: who signed, and if it does not count, why. The arithmetic and the policy are Sequoia's.

Everything here is bytes in, verdict out, and bounded: nothing is unpacked, no file is opened, no key server is asked.
Sequoia holds Python's lock while it works, so that whole images are verified in a process of their own.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

import msgspec
import pysequoia
from pysequoia.packet import HashAlgorithm, Packet, PacketPile, SignatureType, Tag

from intaglio.base.errors import Invalid

LONGEST_SIGNATURE = 64 << 10
"""Bytes of a detached signature, of which upstreams' have a few hundred."""
LONGEST_KEYS = 4 << 20
"""Bytes of one file of keys; a distribution's keyring has some hundred thousand."""
LONGEST_TEXT = 4 << 20
"""Bytes of a signed text, such as a list of digests."""

_MOST_PACKETS = 20_000
_SIGNATURE, _SECRET = {2}, {5, 7}
_OF_KEYS = {2, 6, 10, 12, 13, 14, 17, 21}  # signatures, keys, names; markers, trust and padding mean nothing
_ARMOUR = re.compile(
    rb"-----BEGIN PGP (?P<kind>[A-Z ]+)-----[ \t]*\r?\n(?P<body>.*?)\r?\n-----END PGP (?P=kind)-----", re.DOTALL
)
_CLEAR = b"-----BEGIN PGP SIGNED MESSAGE-----"
_ID = re.compile(r"[0-9a-f]{16}|[0-9a-f]{40}|[0-9a-f]{64}")
_HASHES = (  # pairs: the library's kinds cannot be keys of a dictionary
    (HashAlgorithm.MD5, "MD5"),
    (HashAlgorithm.SHA1, "SHA-1"),
    (HashAlgorithm.RipeMD, "RIPEMD-160"),
    (HashAlgorithm.SHA224, "SHA-224"),
    (HashAlgorithm.SHA256, "SHA-256"),
    (HashAlgorithm.SHA384, "SHA-384"),
    (HashAlgorithm.SHA512, "SHA-512"),
    (HashAlgorithm.SHA3_256, "SHA3-256"),
    (HashAlgorithm.SHA3_512, "SHA3-512"),
)
_WEAK = {"MD5", "SHA-1", "RIPEMD-160"}


class OpenPGPUnreadable(Invalid):
    """This is no OpenPGP signature, signed text or key, or not one that is accepted."""

    code = "openpgp-unreadable"


class OpenPGPKeyUnknown(Invalid):
    """None of the keys that are given made the signature."""

    code = "openpgp-key-unknown"


class OpenPGPKeyRevoked(Invalid):
    """The key was taken back by its owner."""

    code = "openpgp-key-revoked"


class OpenPGPKeyExpired(Invalid):
    """The key is not valid any more."""

    code = "openpgp-key-expired"


class OpenPGPSignatureExpired(Invalid):
    """The signature was made for a time that is over."""

    code = "openpgp-signature-expired"


class OpenPGPWeak(Invalid):
    """The signature was made with a digest that is broken."""

    code = "openpgp-weak"


class OpenPGPMismatch(Invalid):
    """The data are not what was signed."""

    code = "openpgp-mismatch"


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """A signature that counts. Fingerprints are lower-case hex.

    `certificate` is the primary key's, `key` that of the key or subkey which signed, `text` what a clear-signed text
    says between its marks: nothing else of it was signed.
    """

    certificate: str
    key: str
    user_ids: tuple[str, ...]
    made_at: datetime | None
    hash_name: str
    signature: bytes  # the one packet that counted
    text: bytes = b""


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """A signature, and the certificate that has to have made it: what another process needs to verify them."""

    signature: bytes
    certificate: bytes


def identifier(text: str) -> str:
    """A fingerprint, or a key id of 16 digits, as it is compared. Raises `OpenPGPUnreadable`.

    Ids of 8 digits are refused: anybody can make a key with a given one.
    """
    found = "".join(text.split()).lower().removeprefix("0x")
    if _ID.fullmatch(found) is None:
        raise OpenPGPUnreadable(
            f"'{text[:80]}' is no fingerprint of an OpenPGP key: 40 or 64 hexadecimal digits, or a key id of 16."
        )
    return found


def certificates(keys: Iterable[bytes]) -> list[pysequoia.Cert]:
    """All certificates in these files, armoured or not. Raises `OpenPGPUnreadable`, for a secret key, too."""
    found: list[pysequoia.Cert] = []
    for data in keys:
        if len(data) > LONGEST_KEYS:
            raise OpenPGPUnreadable(f"The OpenPGP keys have more than {LONGEST_KEYS} bytes.")
        packets = _binary(data, "PUBLIC KEY BLOCK", "an OpenPGP public key")
        tags = set(_tags(packets))
        if tags & _SECRET:
            raise OpenPGPUnreadable("This is a secret OpenPGP key. Give the public one: `gpg --armor --export`.")
        if not tags or tags - _OF_KEYS:
            raise OpenPGPUnreadable("This is no OpenPGP public key.")
        try:
            found += pysequoia.Cert.split_bytes(packets)
        except RuntimeError:
            raise _unreadable("public key") from None
    return found


def verify_detached(data: bytes, signature: bytes, keys: Sequence[bytes], pinned: str | None = None) -> Signed:
    """Who signed `data`. `keys` are files of public keys; `pinned` the fingerprint or key id that has to be the signer.

    `pinned` may be that of the primary key or of the subkey. Of several signatures, the first of a known key counts.

    Raises `OpenPGPUnreadable`, `OpenPGPKeyUnknown`, `OpenPGPKeyRevoked`, `OpenPGPKeyExpired`,
    `OpenPGPSignatureExpired`, `OpenPGPWeak`, `OpenPGPMismatch`.
    """
    chosen = choose(signature, keys, pinned)
    return verify_chosen(chosen, data=data)


def verify_clear(
    text: bytes, keys: Sequence[bytes], pinned: str | None = None, *, longest: int = LONGEST_TEXT
) -> Signed:
    """Who signed a clear-signed text, and what it says. Raises what `verify_detached` raises.

    `longest`: bytes that the text may have.
    """
    if len(text) > longest:
        raise OpenPGPUnreadable(f"The signed text has more than {longest} bytes.")
    if not is_clear(text) or text.count(b"-----BEGIN PGP ") != 2:  # noqa: PLR2004 - of the text, of its signature
        raise OpenPGPUnreadable("This is no text with an OpenPGP signature in it, or more than one.")
    chosen = choose(text[text.index(b"-----BEGIN PGP SIGNATURE-----") :], keys, pinned)
    return _counted(chosen, lambda store: pysequoia.verify(bytes=text.lstrip(), store=store))


def is_clear(text: bytes) -> bool:
    """Whether it looks like a clear-signed text."""
    return text.lstrip().startswith(_CLEAR) and b"-----BEGIN PGP SIGNATURE-----" in text


def choose(signature: bytes, keys: Sequence[bytes], pinned: str | None = None) -> Chosen:
    """The signature that will count, if the data are right. Raises what `verify_detached` does, but mismatches."""
    wanted = None if pinned is None else identifier(pinned)
    signatures = _signatures(signature)
    known = certificates(keys)
    faults: list[Invalid] = []
    for each in signatures:
        for certificate in known:
            key = _key_of(each, certificate)
            if key is None or (wanted is not None and not _means(wanted, key.fingerprint, certificate.fingerprint)):
                continue
            fault = _fault(each, key, certificate)
            if fault is None:
                return Chosen(signature=bytes(each), certificate=bytes(certificate))
            faults.append(fault)
    if faults:
        raise faults[0]
    made_by = ", ".join(dict.fromkeys(_issuer(each) for each in signatures))
    if wanted is not None:
        raise OpenPGPKeyUnknown(f"The signature was made by the key {made_by}, and has to be by {wanted}.")
    raise OpenPGPKeyUnknown(f"The signature was made by the key {made_by}, which is none of those that count here.")


def verify_chosen(chosen: Chosen, *, data: bytes | None = None, file: str | None = None) -> Signed:
    """Whether it is these data, or those of this file, that were signed. Raises `OpenPGPMismatch`."""
    signature = pysequoia.Sig.from_bytes(chosen.signature)
    return _counted(chosen, lambda store: pysequoia.verify(bytes=data, file=file, store=store, signature=signature))


def _counted(chosen: Chosen, verify: Callable[[object], pysequoia.Decrypted]) -> Signed:
    certificate = pysequoia.Cert.from_bytes(chosen.certificate)
    (packet,) = PacketPile.from_bytes(chosen.signature)
    key = _key_of(packet, certificate)
    mismatch = OpenPGPMismatch(
        f"The data are not what was signed: the signature does not fit under the key {_issuer(packet)} "
        f"of {_owner(certificate)}."
    )
    try:
        verified = verify(lambda _ids: [certificate])
    except RuntimeError:  # the only kind it has; what else can be wrong was looked at before
        raise mismatch from None
    # another signature may stand beside the one that was chosen, and be by another key of the same owner
    valid = next((each for each in verified.valid_sigs if key and each.signing_key.lower() == key.fingerprint), None)
    if valid is None:
        raise mismatch
    return Signed(
        certificate=valid.certificate.lower(),
        key=valid.signing_key.lower(),
        user_ids=tuple(str(each) for each in certificate.user_ids),
        made_at=packet.signature_created,
        hash_name=_hash_name(packet),
        signature=chosen.signature,
        text=verified.bytes or b"",
    )


def _fault(signature: Packet, key: Packet, certificate: pysequoia.Cert) -> Invalid | None:
    """Why a signature of this key does not count, whatever the data are."""
    now = datetime.now(UTC)
    whose = f"The key {key.fingerprint} of {_owner(certificate)}"
    if _hash_name(signature) in _WEAK:
        return OpenPGPWeak(f"The signature was made with {_hash_name(signature)}, which proves nothing.")
    if certificate.is_revoked or _subkey_revoked(certificate, key):
        return OpenPGPKeyRevoked(f"{whose} was revoked.")
    ends = [end for end in (certificate.expiration, _subkey_end(certificate, key)) if end is not None]
    if ends and min(ends) <= now:
        return OpenPGPKeyExpired(f"{whose} expired at {min(ends):%Y-%m-%d}; get the renewed key from its owner.")
    end = signature.signature_expiration_time
    if end is not None and end <= now:
        return OpenPGPSignatureExpired(f"The signature was valid until {end:%Y-%m-%d}.")
    return None


def _subkey_revoked(certificate: pysequoia.Cert, key: Packet) -> bool:
    return any(each.signature_type == SignatureType.SubkeyRevocation for each in _about(certificate, key))


def _subkey_end(certificate: pysequoia.Cert, key: Packet) -> datetime | None:
    """When a subkey ends by its newest binding; None for a primary key, whose end is the certificate's."""
    bindings = [each for each in _about(certificate, key) if each.signature_type == SignatureType.SubkeyBinding]
    if not bindings or key.key_created is None:
        return None
    newest = max(bindings, key=lambda each: each.signature_created or datetime.min.replace(tzinfo=UTC))
    return None if not newest.key_validity_period else key.key_created + newest.key_validity_period


def _about(certificate: pysequoia.Cert, key: Packet) -> Iterator[Packet]:
    """The signatures that stand behind a subkey."""
    here = False
    for packet in PacketPile.from_bytes(bytes(certificate)):
        if packet.tag == Tag.PublicSubkey:
            here = packet.fingerprint == key.fingerprint
        elif packet.tag == Tag.Signature and here:
            yield packet


def _key_of(signature: Packet, certificate: pysequoia.Cert) -> Packet | None:
    """The key of the certificate that the signature says it is by."""
    fingerprint, key_id = signature.issuer_fingerprint, signature.issuer_key_id
    packet: Packet
    for packet in PacketPile.from_bytes(bytes(certificate)):
        if packet.tag in (Tag.PublicKey, Tag.PublicSubkey) and (
            packet.fingerprint == fingerprint if fingerprint else packet.key_id == key_id
        ):
            return packet
    return None


def _means(wanted: str, *fingerprints: str | None) -> bool:
    """Whether a fingerprint or key id is that of one of these keys; an id is a v4 fingerprint's end."""
    return any(
        wanted in (each, each[:16] if len(each) == 64 else each[-16:])  # noqa: PLR2004 - a v6 fingerprint, whose id is its start
        for each in fingerprints
        if each
    )


def _hash_name(signature: Packet) -> str:
    return next((name for each, name in _HASHES if each == signature.hash_algorithm), "another digest")


def _issuer(signature: Packet) -> str:
    return signature.issuer_fingerprint or signature.issuer_key_id or "that it does not name"


def _owner(certificate: pysequoia.Cert) -> str:
    return str(certificate.user_ids[0])[:120] if certificate.user_ids else certificate.fingerprint.lower()


def _signatures(data: bytes) -> list[Packet]:
    if len(data) > LONGEST_SIGNATURE:
        raise OpenPGPUnreadable(f"The OpenPGP signature has more than {LONGEST_SIGNATURE} bytes.")
    packets = _binary(data, "SIGNATURE", "an OpenPGP signature")
    tags = set(_tags(packets))
    if not tags or tags - _SIGNATURE:
        raise OpenPGPUnreadable("This is no detached OpenPGP signature.")
    try:
        found = [packet for packet in PacketPile.from_bytes(packets) if packet.tag == Tag.Signature]
    except RuntimeError:
        raise _unreadable("signature") from None
    documents = (SignatureType.Binary, SignatureType.Text)
    if not found or any(packet.signature_type not in documents for packet in found):
        raise OpenPGPUnreadable("This is no OpenPGP signature of data.")
    return found


def _unreadable(what: str) -> OpenPGPUnreadable:
    return OpenPGPUnreadable(f"This is no OpenPGP {what}, or a damaged one.")


def _binary(data: bytes, kind: str, what: str) -> bytes:
    """The packets in armour, in all blocks there are; or as they are."""
    if b"-----BEGIN " not in data:
        return data
    found = b""
    for block in _ARMOUR.finditer(data):
        name = block["kind"].decode()
        if name.startswith("PRIVATE KEY"):
            raise OpenPGPUnreadable("This is a secret OpenPGP key. Give the public one: `gpg --armor --export`.")
        if name != kind:
            raise OpenPGPUnreadable(f"This is a PGP {name}, and should be {what}.")
        found += _unarmoured(block["body"].decode("utf-8", "replace"))
    if not found:
        raise OpenPGPUnreadable(f"This should be {what}.")
    return found


def _unarmoured(body: str) -> bytes:
    lines = [line.strip() for line in body.splitlines()]
    start = lines.index("") + 1 if "" in lines else 0  # after the headers
    try:
        return base64.b64decode("".join(line for line in lines[start:] if not line.startswith("=")), validate=True)
    except (binascii.Error, ValueError):
        raise OpenPGPUnreadable("The armour of the OpenPGP data is damaged.") from None


def _tags(data: bytes) -> Iterator[int]:
    """The kind of every packet, without reading what is in them: packed ones would be unpacked by whoever reads them.

    Source: RFC 9580, section 4.2. Lengths that are not said in full are for streams, and refused.
    """
    position, count = 0, 0
    while position < len(data):
        head, count = data[position], count + 1
        if not head & 0x80 or count > _MOST_PACKETS:
            raise OpenPGPUnreadable("This is not made of OpenPGP packets.")
        new = bool(head & 0x40)
        length, taken = (_new_length if new else _old_length)(data, position)
        yield head & 0x3F if new else (head >> 2) & 0x0F
        position += taken + length
    if position > len(data):
        raise OpenPGPUnreadable("The OpenPGP data are cut off.")


def _new_length(data: bytes, position: int) -> tuple[int, int]:
    first = data[position + 1] if position + 1 < len(data) else 255
    if first < 192:  # noqa: PLR2004 - the format's, as those below
        return first, 2
    if first < 224 and position + 2 < len(data):  # noqa: PLR2004 - the same
        return ((first - 192) << 8) + data[position + 2] + 192, 3
    if first == 255 and position + 5 < len(data):  # noqa: PLR2004 - the same
        return int.from_bytes(data[position + 2 : position + 6]), 6
    raise OpenPGPUnreadable("The OpenPGP data are cut off, or a stream.")


def _old_length(data: bytes, position: int) -> tuple[int, int]:
    width: Mapping[int, int] = {0: 1, 1: 2, 2: 4}
    octets = width.get(data[position] & 3)
    if octets is None or position + octets >= len(data):
        raise OpenPGPUnreadable("The OpenPGP data are cut off, or a stream.")
    return int.from_bytes(data[position + 1 : position + 1 + octets]), 1 + octets
