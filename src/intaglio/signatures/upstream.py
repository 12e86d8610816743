"""Signatures that upstreams publish beside their files: of what kind one is, who has to have made it, whether it holds.

The kind follows from the key alone, so that nobody but who names the key chooses it: an OpenPGP key, an X.509
certificate (CMS, or a bare signature), or a public key in PEM (a sigstore bundle, or a bare signature).
"""

import base64
import binascii
import contextlib
import hashlib
import importlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from intaglio.base.errors import Invalid
from intaglio.signatures.base import SignatureMismatch

LONGEST_SIGNATURE = 256 << 10
"""Bytes of a signature, of which sigstore's bundles are the longest."""
LONGEST_KEY = 4 << 20
LONGEST_MESSAGE = 4 << 20
"""Bytes of what is signed as a whole, without a digest."""

HASHES = ("sha256", "sha384", "sha512")
_JSON, _PGP, _CERTIFICATE, _PUBLIC = b"{", b"-----BEGIN PGP ", b"-----BEGIN CERTIFICATE-----", b"-----BEGIN PUBLIC KEY"


class UpstreamKeyUnusable(Invalid):
    """The key that upstream's signature should be judged by is none, or not one for this signature."""

    code = "upstream-key-unusable"


class UpstreamKeyUnknown(Invalid):
    """There is no key of this name or fingerprint."""

    code = "upstream-key-unknown"


class UpstreamSignatureUnusable(Invalid):
    """What should be upstream's signature is none that can be verified here."""

    code = "upstream-signature-unusable"


class Form(StrEnum):
    """Of a key."""

    OPENPGP = "openpgp"
    X509 = "x509"
    PUBLIC = "public-key"


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A file of keys. `source` says where it came from: the caller, or the operator under a name."""

    data: bytes
    source: str


class Witness(msgspec.Struct, frozen=True, kw_only=True):
    """A signature that held. `kind`: `openpgp`, `cms`, `raw`, `sigstore` or `dsse`.

    `signer` is the fingerprint of a certificate or key, in hex: of OpenPGP as it defines it, otherwise the SHA-256 of
    the DER form. `key` is that of the subkey, where there is one. `key_data` is what the signature can be verified with
    again.
    """

    kind: str
    signer: str
    key: str = ""
    names: tuple[str, ...] = ()
    made_at: datetime | None = None
    hash_name: str = ""
    key_source: str
    key_data: bytes
    signature: bytes


class Running(Protocol):
    """Is shown all data that should be what was signed: see `ingest.base.Consumer`."""

    def update(self, data: Any, /) -> object:
        """Take the next bytes. Blocks."""
        ...

    def settle(self) -> Witness:
        """Who signed, now that all has come. Blocks.

        Raises `SignatureMismatch`, and what is said where the signature is made ready.
        """
        ...

    def close(self) -> None:
        """Give up, or be done: nothing of it stays."""
        ...


class Ready(Protocol):
    """A signature and key that belong to each other, before the data."""

    def start(self) -> Running:
        """Begin with data; as often as there are attempts."""
        ...


def form_of(data: bytes) -> Form:
    """What kind of key this is. Raises `UpstreamKeyUnusable`."""
    head = data.lstrip()[:4096]
    if b"PRIVATE KEY" in head:
        raise UpstreamKeyUnusable("This is a private key. Give the public one, and keep that to its owner.")
    if head.startswith(_PGP) or (data[:1] and data[0] & 0x80):
        return Form.OPENPGP
    if _CERTIFICATE in data or data[:1] == b"\x30":
        return Form.X509
    if _PUBLIC in data:
        return Form.PUBLIC
    raise UpstreamKeyUnusable(
        "The key is none: it has to be an OpenPGP public key, X.509 certificates, or a public key in PEM."
    )


def prepare(signature: bytes, keys: Sequence[Key], by: str | None = None, hash_name: str = "sha256") -> Ready:
    """Everything about a signature that can be known before the data. `by` is the fingerprint of who must have signed.

    Raises `UpstreamKeyUnusable`, `UpstreamKeyUnknown`, `UpstreamSignatureUnusable`, what `openpgp.choose` raises, and
    `CertificateUntrusted`, `CertificateExpired`.
    """
    require_lengths(signature, keys)
    signature = unbased(signature)
    form = _form(signature, keys)
    of_form = [key for key in keys if form_of(key.data) is form]
    if form is Form.OPENPGP:
        module: Any = importlib.import_module("intaglio.signatures.upstream_openpgp")
        ready: Ready = module.prepare(signature, of_form, by)
    else:  # by name: what reads certificates takes a while to import, and most imports name no signature
        module = importlib.import_module("intaglio.signatures.upstream_keys")
        ready = module.prepare(signature, of_form, by, hash_name)
    return ready


def prepare_clear(text: bytes, keys: Sequence[Key], by: str | None = None) -> tuple[Witness, bytes]:
    """Who signed a clear-signed text, and what of it was signed. Raises what `openpgp.verify_clear` raises."""
    require_lengths(b"", keys)
    module: Any = importlib.import_module("intaglio.signatures.upstream_openpgp")
    found: tuple[Witness, bytes] = module.clear(text, [key for key in keys if form_of(key.data) is Form.OPENPGP], by)
    return found


def verify(ready: Ready, data: bytes) -> Witness:
    """Whether these data were signed; they are few. Raises `SignatureMismatch`, `OpenPGPMismatch`."""
    running = ready.start()
    try:
        running.update(data)
        return running.settle()
    finally:
        running.close()


def require_lengths(signature: bytes, keys: Sequence[Key]) -> None:
    """Refuse what is too long to be looked at."""
    if len(signature) > LONGEST_SIGNATURE:
        raise UpstreamSignatureUnusable(f"The signature has more than {LONGEST_SIGNATURE} bytes.")
    if sum(len(key.data) for key in keys) > LONGEST_KEY:
        raise UpstreamKeyUnusable(f"The keys have more than {LONGEST_KEY} bytes.")


def text_of(data: bytes, *, key: bool) -> str:
    """A key or signature as it stands in a request, which holds texts alone: what is none is put into base64."""
    with contextlib.suppress(UnicodeDecodeError):
        return data.decode("ascii")
    encoded = base64.encodebytes(data).decode()
    if not key:
        return encoded
    kind, gap = ("PGP PUBLIC KEY BLOCK", "\n") if form_of(data) is Form.OPENPGP else ("CERTIFICATE", "")
    return f"-----BEGIN {kind}-----\n{gap}{encoded}-----END {kind}-----\n"


def unbased(signature: bytes) -> bytes:
    """A signature as it is read: many stand in their files in base64."""
    try:
        return base64.b64decode(b"".join(signature.split()), validate=True)
    except (binascii.Error, ValueError):
        return signature


def _form(signature: bytes, keys: Sequence[Key]) -> Form:
    """The kind of key to try: all are of one kind, or the signature chooses among those there are."""
    forms = {form_of(key.data) for key in keys}
    if not forms:
        raise UpstreamKeyUnknown("There is no key that the signature could be judged by.")
    if len(forms) == 1:
        return forms.pop()
    head = signature.lstrip()
    if head.startswith(_PGP) or (signature[:1] and signature[0] & 0x80):
        likely = (Form.OPENPGP, Form.PUBLIC, Form.X509)
    elif head.startswith(_JSON):
        likely = (Form.PUBLIC, Form.X509, Form.OPENPGP)
    else:
        likely = (Form.X509, Form.PUBLIC, Form.OPENPGP)
    return next(form for form in likely if form in forms)


class Digesting:
    """Data of which a digest was signed, or the whole when `hash_name` is empty: then there may not be many."""

    def __init__(self, hash_name: str, settle: Any) -> None:
        self._digest = hashlib.new(hash_name, usedforsecurity=True) if hash_name else None
        self._message = b""
        self._settle = settle

    def update(self, data: Any, /) -> None:
        """See `Running`."""
        if self._digest is not None:
            self._digest.update(data)
            return
        self._message += bytes(data)
        if len(self._message) > LONGEST_MESSAGE:
            raise UpstreamSignatureUnusable(
                f"A signature by Ed25519 is about the whole data, and these have more than {LONGEST_MESSAGE} bytes: "
                "have a list of digests signed instead."
            )

    def settle(self) -> Witness:
        """See `Running`."""
        witness: Witness = self._settle(self._message if self._digest is None else self._digest.digest())
        return witness

    def close(self) -> None:
        """There is nothing to give up."""


def mismatch(names: Sequence[str]) -> SignatureMismatch:
    """That the data are not what somebody signed."""
    whose = ", ".join(names) or "the one named"
    return SignatureMismatch(f"The data are not what was signed: the signature does not fit under the key of {whose}.")


def shown(witness: Witness) -> Mapping[str, Any]:
    """What is kept and shown of it."""
    return {
        "kind": witness.kind,
        "signer": witness.signer,
        "key": witness.key or None,
        "names": list(witness.names),
        "made_at": None if witness.made_at is None else witness.made_at.isoformat(),
        "hash": witness.hash_name,
        "key_source": witness.key_source,
        "key_data": base64.b64encode(witness.key_data).decode(),
        "signature": base64.b64encode(witness.signature).decode(),
    }
