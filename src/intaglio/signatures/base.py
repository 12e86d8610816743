"""Where certificates come from, and every reason for which a signature does not count."""

from typing import Protocol

import msgspec

from intaglio.base.errors import Conflict, Invalid, Unavailable


class SignatureMissing(Invalid):
    """The image has no signature, and here it needs one."""

    code = "signature-missing"


class SignatureMismatch(Invalid):
    """The bytes are not those that were signed, or it was another key that signed them."""

    code = "signature-mismatch"


class CertificateNotFound(Invalid):
    """There is no certificate of this id, or the caller may not read it."""

    code = "certificate-not-found"


class CertificateUnusable(Invalid):
    """What has this id is no certificate, or one whose key is not of the kind that the image says."""

    code = "certificate-unusable"


class CertificateUntrusted(Invalid):
    """Nobody who is trusted here vouches for the certificate."""

    code = "certificate-untrusted"


class CertificateExpired(Invalid):
    """The certificate is not valid now."""

    code = "certificate-expired"


class CertificateRevoked(Invalid):
    """Its issuer took the certificate back."""

    code = "certificate-revoked"


class CertificatesUnavailable(Unavailable):
    """Where the certificates are does not answer: nothing is known of the signature."""

    code = "certificates-unavailable"


class TrustStoreBroken(Unavailable):
    """The operator's trust store cannot be read."""

    code = "trust-store-broken"


class SignatureChanged(Conflict):
    """What is asked of the image's signature, or the signature, changed while its data were looked at."""

    code = "signature-changed"


class Asker(msgspec.Struct, frozen=True, kw_only=True):
    """For whom a certificate is fetched. `token` is the caller's own at Keystone, None without one."""

    token: str | None = None
    project_id: str | None = None

    def __repr__(self) -> str:
        return f"Asker(project_id={self.project_id!r})"


NOBODY = Asker()


class Certificates(Protocol):
    """Where the certificates are that images name."""

    async def fetch(self, certificate_id: str, asker: Asker) -> bytes:
        """The DER form of one. Raises `CertificateNotFound`, `CertificateUnusable`, `CertificatesUnavailable`."""
        ...

    async def close(self) -> None:
        """Release what is held."""
        ...


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What had to be fetched to judge a signature, in DER: it can be kept for a worker, who has no caller's token."""

    certificate: bytes
    anchors: tuple[bytes, ...] = ()
