"""Certificates for a server on this machine, good and bad, from an authority made for the test."""

import datetime as dt
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_NOW = dt.datetime.now(dt.UTC)
_DAY = dt.timedelta(days=1)


class Authority:
    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tests")])
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        self._certificate = self._builder(self._name, self._key, _NOW + _DAY).add_extension(constraints, critical=True)
        self.file = directory / "authority.pem"
        self.file.write_bytes(_pem(self._certificate.sign(self._key, hashes.SHA256())))

    def issue(self, host: str, *, ends: dt.timedelta = _DAY) -> Path:
        """A file with a key and a certificate for `host`, which ends after so long from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
        hosts = x509.SubjectAlternativeName([x509.DNSName(host)])
        certificate = self._builder(name, key, _NOW + ends).add_extension(hosts, critical=False)
        file = self._directory / f"{host}-{ends.days}.pem"
        form, layout = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        secret = key.private_bytes(form, layout, serialization.NoEncryption())
        file.write_bytes(secret + _pem(certificate.sign(self._key, hashes.SHA256())))
        return file

    def _builder(self, name: x509.Name, key: ec.EllipticCurvePrivateKey, end: dt.datetime) -> x509.CertificateBuilder:
        return x509.CertificateBuilder(
            issuer_name=self._name,
            subject_name=name,
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=_NOW - 10 * _DAY,
            not_valid_after=end,
        )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
