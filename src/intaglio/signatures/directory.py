"""A directory of certificates for sites without a key manager: files ID.pem, where ID is a UUID."""

import asyncio
import contextlib
import os
import ssl
import tempfile
import uuid
from pathlib import Path

from intaglio.base.errors import Conflict, Invalid, NotFound
from intaglio.signatures.base import Asker, CertificateNotFound, CertificatesUnavailable, CertificateUnusable


class CertificateExists(Conflict):
    """There is another certificate of this id: images may name it."""

    code = "certificate-exists"


class NoSuchCertificate(NotFound):
    """There is no certificate of this id in the directory."""

    code = "no-such-certificate"


class InvalidCertificateId(Invalid):
    """The id of a certificate in the directory is a UUID."""

    code = "invalid-certificate-id"


class CertificateDirectory:
    """See `Certificates`; and how the operator fills it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def fetch(self, certificate_id: str, asker: Asker) -> bytes:  # noqa: ARG002 - the protocol's signature
        try:
            return await asyncio.to_thread(self.read, certificate_id)
        except (NoSuchCertificate, InvalidCertificateId):
            raise CertificateNotFound(f"There is no certificate {certificate_id}.") from None

    async def close(self) -> None:
        """There is nothing to release."""

    def ids(self) -> list[str]:
        """The ids of all certificates, sorted. Raises `CertificatesUnavailable`."""
        try:
            return sorted(file.stem for file in self.path.glob("*.pem") if _is_id(file.stem))
        except OSError as error:
            raise self._unavailable(error) from None

    def read(self, certificate_id: str) -> bytes:
        """The DER form of one. Raises `NoSuchCertificate`, `CertificateUnusable`, `CertificatesUnavailable`."""
        try:
            text = self._file(certificate_id).read_text("ascii")
        except FileNotFoundError:
            raise NoSuchCertificate(f"There is no certificate {certificate_id} in {self.path}.") from None
        except UnicodeDecodeError:
            text = ""
        except OSError as error:
            raise self._unavailable(error) from None
        try:
            return ssl.PEM_cert_to_DER_cert(text[text.index("-----BEGIN CERTIFICATE-----") :].strip())
        except ValueError:
            raise CertificateUnusable(f"The file of the certificate {certificate_id} is none in PEM.") from None

    def add(self, der: bytes, certificate_id: str | None = None) -> str:
        """Keep a certificate; its id. The same one may be added again under the same id.

        Raises `CertificateExists`, `InvalidCertificateId`, `CertificatesUnavailable`.
        """
        chosen = certificate_id or str(uuid.uuid4())
        target = self._file(chosen)
        with contextlib.suppress(NoSuchCertificate):
            if self.read(chosen) != der:
                raise CertificateExists(f"There is another certificate {chosen}; remove it first.")
            return chosen
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self.path, suffix=".new", delete=False) as file:
                file.write(ssl.DER_cert_to_PEM_cert(der))
                os.fchmod(file.fileno(), 0o644)
            Path(file.name).replace(target)
        except OSError as error:
            raise self._unavailable(error) from None
        return chosen

    def remove(self, certificate_id: str) -> None:
        """Forget a certificate. Raises `NoSuchCertificate`, `CertificatesUnavailable`."""
        try:
            self._file(certificate_id).unlink()
        except FileNotFoundError:
            raise NoSuchCertificate(f"There is no certificate {certificate_id} in {self.path}.") from None
        except OSError as error:
            raise self._unavailable(error) from None

    def _file(self, certificate_id: str) -> Path:
        if not _is_id(certificate_id):
            raise InvalidCertificateId(f"The id of a certificate is a UUID, not '{certificate_id[:80]}'.")
        return self.path / f"{certificate_id.lower()}.pem"

    def _unavailable(self, error: OSError) -> CertificatesUnavailable:
        return CertificatesUnavailable(f"The directory of certificates cannot be used: {error.strerror}.")


def _is_id(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
