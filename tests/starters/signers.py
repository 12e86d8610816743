"""People who sign images: keys of every kind, certificates of every state, and signatures as clients make them."""

import base64
import dataclasses
import datetime as dt
import functools
import subprocess
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HASHES: dict[str, hashes.HashAlgorithm] = {
    "SHA-224": hashes.SHA224(),
    "SHA-256": hashes.SHA256(),
    "SHA-384": hashes.SHA384(),
    "SHA-512": hashes.SHA512(),
}
NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


@functools.cache
def key_of(kind: str, number: int = 0) -> Any:
    """A private key, made once in a process; `number` for another one of the kind."""
    if kind.startswith("RSA"):
        return rsa.generate_private_key(65537, int(kind.partition(":")[2] or 2048))
    if kind == "DSA":
        return dsa.generate_private_key(2048)
    curves: dict[str, Callable[[], ec.EllipticCurve]] = {
        "ECC_SECP384R1": ec.SECP384R1,
        "ECC_SECP521R1": ec.SECP521R1,
        "P-256": ec.SECP256R1,
    }
    return ec.generate_private_key(curves[kind]())


@dataclasses.dataclass(frozen=True)
class Signer:
    """A key and its certificate; `id` is what images call the certificate."""

    key: Any
    certificate: x509.Certificate
    id: str = dataclasses.field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    def private(self, passphrase: bytes | None = None) -> bytes:
        """The private key in PEM."""
        locked = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
        kept: bytes = self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
        return kept

    def sign(self, data: bytes, hash_method: str = "SHA-256", salt: int | None = None) -> str:
        """The signature in base64, as clients make it: RSA with PSS and a salt of the greatest length."""
        method = HASHES[hash_method]
        if isinstance(self.key, rsa.RSAPrivateKey):
            length = padding.PSS.MAX_LENGTH if salt is None else salt
            made = self.key.sign(data, padding.PSS(padding.MGF1(method), length), method)
        elif isinstance(self.key, ec.EllipticCurvePrivateKey):
            made = self.key.sign(data, ec.ECDSA(method))
        else:
            made = self.key.sign(data, method)
        return base64.b64encode(made).decode()

    def properties(self, data: bytes, hash_method: str = "SHA-256", key_type: str = "RSA-PSS") -> dict[str, str]:
        """The four properties of an image with these data."""
        return {
            "img_signature": self.sign(data, hash_method),
            "img_signature_hash_method": hash_method,
            "img_signature_key_type": key_type,
            "img_signature_certificate_uuid": self.id,
        }


def signer(
    name: str,
    *,
    kind: str = "RSA",
    number: int = 0,
    issuer: "Signer | None" = None,
    authority: bool = False,
    days: tuple[int, int] = (-10, 10),
    uses: Sequence[x509.ObjectIdentifier] = (),
    may_sign: bool = True,
    path_length: int | None = None,
    demand: x509.ObjectIdentifier | None = None,
) -> Signer:
    """Somebody with a certificate, of their own making unless there is an issuer; `days` from now it is valid.

    `demand`: an extension that who does not know it must not pass over.
    """
    key = key_of(kind, number)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + days[0] * DAY)
        .not_valid_after(NOW + days[1] * DAY)
        .add_extension(
            x509.BasicConstraints(ca=authority, path_length=path_length if authority else None), critical=True
        )
        .add_extension(_usage(authority=authority, may_sign=may_sign), critical=True)
    )
    if uses:
        builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
    if demand:
        builder = builder.add_extension(x509.UnrecognizedExtension(demand, b"\x30\x00"), critical=True)
    return Signer(key, builder.sign(issuer.key if issuer else key, hashes.SHA256()))


def _usage(*, authority: bool, may_sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=may_sign and not authority,
        content_commitment=False,
        key_encipherment=not may_sign,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def revoked(issuer: Signer, *others: Signer, days: tuple[int, int] = (-1, 5)) -> bytes:
    """The issuer's list of revoked certificates, in PEM."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(NOW + days[0] * DAY)
        .next_update(NOW + days[1] * DAY)
    )
    for other in others:
        entry = x509.RevokedCertificateBuilder().serial_number(other.certificate.serial_number)
        builder = builder.add_revoked_certificate(entry.revocation_date(NOW - DAY).build())
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def read(pem: bytes) -> x509.Certificate:
    """A certificate of a file."""
    return x509.load_pem_x509_certificate(pem)


def keep(directory: Path, *signers: Signer) -> None:
    """Put certificates where `intaglio cert add` does."""
    directory.mkdir(parents=True, exist_ok=True)
    for one in signers:
        (directory / f"{one.id}.pem").write_text(one.pem)


def trust(directory: Path, *signers: Signer) -> None:
    """Put certificates into a part of a trust store."""
    directory.mkdir(parents=True, exist_ok=True)
    for one in signers:
        (directory / f"{one.id}.pem").write_text(one.pem)


CODE_SIGNING = ExtendedKeyUsageOID.CODE_SIGNING
TLS_SERVER = ExtendedKeyUsageOID.SERVER_AUTH


def openssl(directory: Path, *words: str) -> str:
    """What the `openssl` command prints."""
    done = subprocess.run(["openssl", *words], cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
