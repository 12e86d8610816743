"""Where the certificates of signers come from, as the operator chose."""

import asyncio
import importlib

from intaglio.bootstrap.signature_settings import castellan_configuration
from intaglio.signatures.base import Asker, Certificates, CertificatesUnavailable
from intaglio.signatures.directory import CertificateDirectory
from intaglio.signatures.own import OwnKey
from intaglio.signatures.own_certificates import OwnCertificates
from intaglio.signatures.settings import SignatureSettings, Source


def make_certificates(settings: SignatureSettings, own_key: OwnKey) -> OwnCertificates:
    """Signers' certificates from where the operator keeps them, and the service's own."""
    directory = CertificateDirectory(settings.certificate_dir)
    others = directory if settings.certificates is Source.DIRECTORY else _KeyManager(settings)
    return OwnCertificates(own_key, directory, others, settings.service_certificate_id)


class _KeyManager:
    """The key manager, whose client is loaded when the first signed image comes: that takes more than a second."""

    def __init__(self, settings: SignatureSettings) -> None:
        self._settings = settings
        self._made: Certificates | None = None
        self._making = asyncio.Lock()

    async def fetch(self, certificate_id: str, asker: Asker) -> bytes:
        async with self._making:
            if self._made is None:
                self._made = await asyncio.to_thread(self._load)
        return await self._made.fetch(certificate_id, asker)

    def _load(self) -> Certificates:
        try:
            module = importlib.import_module("intaglio.signatures.key_manager")
            wanted = self._settings.key_manager
            made: Certificates = module.KeyManager(wanted, castellan_configuration(wanted.files))
        except ImportError as error:
            raise CertificatesUnavailable(
                f"The key manager cannot be asked, for {error.name} is not installed; the operator installs "
                "intaglio[keymanager], or sets [image_signature_verification] certificates."
            ) from None
        return made

    async def close(self) -> None:
        if self._made is not None:
            await self._made.close()
