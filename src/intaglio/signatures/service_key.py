"""The service's own key: made once, or the operator's, and shared by all processes that read the same file.

It signs receipts, and images whose bytes the service itself made or found. It is of a kind that the four properties of
a signed image can name, so that Nova and Cinder can verify what it signed.
"""

import hashlib
import logging
import os
import tempfile
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa
from cryptography.x509.oid import NameOID

from intaglio.base.errors import Unavailable
from intaglio.signatures import signing
from intaglio.signatures.certificates import fingerprint, name_of
from intaglio.signatures.settings import ServiceKeySettings
from intaglio.signatures.signing import KeyUnusable

_log = logging.getLogger(__name__)

NAME = "Intaglio image service"
_CURVE = ec.SECP384R1()  # the smallest that cursive knows
_YEARS = 20  # what was signed is to be verified for longer than anybody plans for
_SLACK = timedelta(hours=1)  # of the clocks of those who read it
_CURVES: dict[str, type[hashes.HashAlgorithm]] = {"secp384r1": hashes.SHA384, "secp521r1": hashes.SHA512}
_PEM = serialization.Encoding.PEM
_DER = serialization.Encoding.DER


class ServiceKeyUnusable(Unavailable):
    """The service's own key cannot be read, or is none that images and receipts can be signed with."""

    code = "service-key-unusable"


class ServiceKey(msgspec.Struct, frozen=True):
    """The key and its certificate, with the chain above it that the operator put into the same file."""

    key: Any
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()

    def __repr__(self) -> str:
        return f"ServiceKey({self.keyid})"

    @property
    def keyid(self) -> str:
        """Names the key in envelopes: see `keyid_of`."""
        return keyid_of(self.certificate)

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the certificate, in hex."""
        return fingerprint(self.certificate)

    @property
    def der(self) -> bytes:
        """The certificate as key managers keep it."""
        return self.certificate.public_bytes(_DER)

    @property
    def pem(self) -> str:
        """The certificate, and the chain above it."""
        return "".join(each.public_bytes(_PEM).decode() for each in (self.certificate, *self.chain))

    def sign(self, data: bytes) -> bytes:
        """The signature of data: ECDSA with the hash of the curve's size, or RSA-PSS with SHA-256."""
        if isinstance(self.key, rsa.RSAPrivateKey):
            mask = padding.MGF1(hashes.SHA256())
            signed: bytes = self.key.sign(data, padding.PSS(mask, padding.PSS.DIGEST_LENGTH), hashes.SHA256())
            return signed
        made: bytes = self.key.sign(data, ec.ECDSA(_CURVES[self.key.curve.name]()))
        return made

    def sign_image(self, digest: bytes, certificate_id: str, hash_method: str = "SHA-256") -> dict[str, str]:
        """The four properties of an image whose bytes have this digest, by the hash that `hash_method` names.

        `certificate_id` is where this key's certificate can be had by those who verify the image.
        """
        return signing.sign_digest(digest, self.key, certificate_id, hash_method, self.der)


def keyid_of(certificate: x509.Certificate) -> str:
    """The SHA-256 of its public key (SubjectPublicKeyInfo, DER) in hex: a new certificate of the key has the same."""
    return _id(certificate.public_key())


def require_signed(certificate: x509.Certificate, signature: bytes, data: bytes) -> None:
    """Raise cryptography's `InvalidSignature` unless `ServiceKey.sign` of this certificate's key made the signature."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        mask = padding.MGF1(hashes.SHA256())
        key.verify(signature, data, padding.PSS(mask, padding.PSS.AUTO), hashes.SHA256())
    elif isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        key.verify(signature, data, ec.ECDSA(_CURVES[key.curve.name]()))
    else:
        raise InvalidSignature("a key of this kind signs no receipts")


class ServiceKeys:
    """Gives the key that is in use now: a file that the operator replaced counts from the next call on."""

    def __init__(self, settings: ServiceKeySettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._state: object = None
        self._key: ServiceKey | None = None

    def current(self) -> ServiceKey:
        """The key, made when there is none and the operator named none. Reads disks. Raises `ServiceKeyUnusable`."""
        with self._lock:
            state = _state(self._settings)
            if self._key is None or state != self._state:
                self._key = load(self._settings)
                self._state = _state(self._settings)
            return self._key


def load(settings: ServiceKeySettings) -> ServiceKey:
    """The service's key; it is made if there is none at the default place. Raises `ServiceKeyUnusable`."""
    try:
        data = settings.key.read_bytes()
    except FileNotFoundError:
        if not settings.make:
            raise ServiceKeyUnusable(
                f"There is no service key {settings.key}; make one with `intaglio cert service make`, and bring it to "
                "every machine of the service."
            ) from None
        make(settings.key)
        data = _read(settings.key)
    except OSError as error:
        raise _unreadable(settings.key, error) from None
    _warn_of_readers(settings.key)
    certificates = data if settings.certificate is None else _read(settings.certificate)
    return _parsed(settings, data, certificates)


def make(path: Path) -> bool:
    """Make a new key with a self-signed certificate, both in one file for its owner only; whether there was none.

    Of several processes that do so at once, one makes it: a file that is there is left. Raises `ServiceKeyUnusable`.
    """
    try:
        temporary = _written(path)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        finally:
            temporary.unlink()
        _settle(path.parent)
    except OSError as error:
        raise ServiceKeyUnusable(f"The service key {path} cannot be written: {error.strerror}.") from None
    _log.info("made the service's own key, %s", path)
    return True


def renew(path: Path) -> None:
    """Put a new key in the place of the one that is there. Raises `ServiceKeyUnusable`."""
    try:
        _written(path).replace(path)
        _settle(path.parent)
    except OSError as error:
        raise ServiceKeyUnusable(f"The service key {path} cannot be written: {error.strerror}.") from None


def _written(path: Path) -> Path:
    """A new key in a file of its own, beside where it is to be, safely on disk."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".service-key-")  # mkstemp: 0600 from the start
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if os.geteuid() == 0:  # made by an administrator's command, and read by the service
                owner = path.parent.stat()
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            file.write(_generated())
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink()
        raise
    return temporary


def _settle(directory: Path) -> None:
    """Have the directory's new entry outlast a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _generated() -> bytes:
    key = ec.generate_private_key(_CURVE)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,  # cursive's list of trusted certificates takes none without this, and without `ca`
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SLACK)
        .not_valid_after(now + timedelta(days=365 * _YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA384())
    )
    private = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return private + certificate.public_bytes(_PEM)


def _parsed(settings: ServiceKeySettings, data: bytes, certificates: bytes) -> ServiceKey:
    where = settings.certificate or settings.key
    try:
        key = signing.read_key(data)
        signing.key_type(key)
    except KeyUnusable as error:
        raise ServiceKeyUnusable(f"The service key {settings.key} cannot be used: {error}") from None
    if isinstance(key, dsa.DSAPrivateKey):
        raise ServiceKeyUnusable(f"The service key {settings.key} is one of DSA; receipts take RSA, or a curve.")
    try:
        certificates_read = x509.load_pem_x509_certificates(certificates)
    except ValueError:
        raise ServiceKeyUnusable(f"There is no certificate of the service in PEM in {where}.") from None
    first, *chain = certificates_read
    if keyid_of(first) != _id(key.public_key()):
        raise ServiceKeyUnusable(f"The certificate in {where} is of {name_of(first)}, who has another key.")
    return ServiceKey(key, first, tuple(chain))


def _id(public_key: Any) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(public_key.public_bytes(_DER, form)).hexdigest()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> ServiceKeyUnusable:
    return ServiceKeyUnusable(f"The service key cannot be used: {path} cannot be read: {error.strerror}.")


def _warn_of_readers(path: Path) -> None:
    with suppress(OSError):
        if path.stat().st_mode & 0o007:
            _log.warning("everybody on this machine may read the service's private key, %s: chmod 0600", path)


def _state(settings: ServiceKeySettings) -> object:
    """Something that is another one when the files are others."""
    found = []
    for path in (settings.key, settings.certificate):
        with suppress(OSError):
            if path is not None:
                status = path.stat()
                found.append((status.st_ino, status.st_mtime_ns, status.st_size))
    return found
