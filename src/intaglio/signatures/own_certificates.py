"""Where the service's own certificate is found by those who verify the images that it signed.

Its id is made of its fingerprint, so that every machine with the same key calls it the same, and answers for it without
asking a key manager. Nova and Cinder ask the key manager: for them the operator puts it there, and names that id.
"""

import asyncio
import uuid

from intaglio.signatures.base import Asker, CertificateNotFound, Certificates
from intaglio.signatures.directory import CertificateDirectory
from intaglio.signatures.own import OwnKey

_MADE_OF_A_NAME = 5  # the version of such UUIDs; those that others choose at random have another one


def id_of(fingerprint: str) -> str:
    """The id of a service's certificate with this fingerprint, the SHA-256 in hex."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, fingerprint))


class OwnCertificates:
    """See `Certificates`: the service's own and those it had before, and for all others where the others are.

    `named` is the id that the operator gave the service's certificate in the key manager.
    """

    def __init__(self, key: OwnKey, kept: CertificateDirectory, others: Certificates, named: str | None = None) -> None:
        self._key = key
        self._kept = kept
        self._others = others
        self._named = named

    async def fetch(self, certificate_id: str, asker: Asker) -> bytes:
        if certificate_id == self._named:
            return (await self._key.current()).der
        if not _is_made_of_a_name(certificate_id):
            return await self._others.fetch(certificate_id, asker)
        current = await self._key.current()
        if certificate_id == id_of(current.fingerprint):
            return current.der
        try:
            return await self._kept.fetch(certificate_id, asker)
        except CertificateNotFound:
            return await self._others.fetch(certificate_id, asker)

    async def publish(self) -> str:
        """Keep the service's certificate where it is found also when the key is another one; what images call it.

        Raises `ServiceKeyUnusable`, `CertificatesUnavailable`.
        """
        current = await self._key.current()
        own = id_of(current.fingerprint)
        await asyncio.to_thread(self._kept.add, current.der, own)
        return self._named or own

    async def close(self) -> None:
        await self._others.close()


def _is_made_of_a_name(text: str) -> bool:
    try:
        return uuid.UUID(text).version == _MADE_OF_A_NAME
    except ValueError:
        return False
