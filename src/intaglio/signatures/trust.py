"""The operator's trust store, and whether it vouches for a certificate: chain, validity, key usage, revocation.

A directory of PEM files: `roots`, `intermediates`, `crls`; `projects/ID` adds roots for a project's images, and
`visibilities/NAME` names the only roots for images of that visibility. Source of the rules: RFC 5280, section 6, of
which names and policies are not evaluated; a chain that demands them is refused.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from intaglio.signatures.base import (
    CertificateExpired,
    CertificateRevoked,
    CertificateUntrusted,
    TrustStoreBroken,
)
from intaglio.signatures.certificates import fingerprint, name_of
from intaglio.signatures.settings import Crl, SignatureSettings, Trust

E = TypeVar("E", bound=x509.ExtensionType)

_log = logging.getLogger(__name__)

_LONGEST_CHAIN = 8
_UNDERSTOOD = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,  # nobody is addressed: the name plays no part
    ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
}
_SIGNERS_USE = {ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}


class Scope(msgspec.Struct, frozen=True):
    """Whose image it is, and who sees it: what the choice of roots depends on."""

    project: str | None
    visibility: str


class Vouched(msgspec.Struct, frozen=True):
    """Why a certificate counts: the subject of the root, empty where none is asked for, and all from it to the root."""

    root: str
    chain: tuple[x509.Certificate, ...]


class TrustStore:
    """Reads the directory anew whenever it is asked: what an operator takes out of it does not count any more."""

    def __init__(self, settings: SignatureSettings) -> None:
        self._settings = settings
        self._path = settings.trust_dir

    def vouch(self, certificate: x509.Certificate, scope: Scope, anchors: Sequence[bytes], moment: datetime) -> Vouched:
        """Who vouches for the certificate at `moment` (naive UTC).

        `anchors` are further roots, in DER. Raises `CertificateUntrusted`, `CertificateExpired`, `CertificateRevoked`,
        `TrustStoreBroken`.
        """
        roots, own = self._roots(scope)
        if not own:
            roots += [x509.load_der_x509_certificate(anchor) for anchor in anchors]
        if not self._settings.accept_expired:
            _require_valid(certificate, moment)
        if self._settings.trust is Trust.ANY and not own:
            self._require_unrevoked([certificate], moment, strict=False)
            return Vouched("", (certificate,))
        chain = self._chain(certificate, roots, moment)
        if len(chain) > 1 or fingerprint(chain[0]) not in {fingerprint(root) for root in roots}:
            _require_use(certificate)
        self._require_unrevoked(chain, moment, strict=self._settings.crl is Crl.REQUIRE)
        return Vouched(name_of(chain[-1]), tuple(chain))

    def _roots(self, scope: Scope) -> tuple[list[x509.Certificate], bool]:
        """The roots for an image, and whether they are those of its visibility alone."""
        own = self._path / "visibilities" / scope.visibility
        if own.is_dir():
            return list(_certificates(own)), True
        roots = list(_certificates(self._path / "roots"))
        if scope.project and "/" not in scope.project and scope.project not in {".", ".."}:
            roots += _certificates(self._path / "projects" / scope.project)
        return roots, False

    def _chain(
        self, certificate: x509.Certificate, roots: Sequence[x509.Certificate], moment: datetime
    ) -> list[x509.Certificate]:
        """The certificate, those above it, and a root. Raises `CertificateUntrusted`."""
        between = list(_certificates(self._path / "intermediates"))
        return _chained(certificate, roots, between, lambda each: self._counts(each, moment))

    def _counts(self, issuer: x509.Certificate, moment: datetime) -> bool:
        return self._settings.accept_expired or _is_valid(issuer, moment)

    def _require_unrevoked(self, chain: Sequence[x509.Certificate], moment: datetime, *, strict: bool) -> None:
        lists = list(_crls(self._path / "crls"))
        issuers = [*chain[1:], *_certificates(self._path / "intermediates"), *_certificates(self._path / "roots")]
        for certificate in chain if len(chain) == 1 else chain[:-1]:
            found = [each for each in lists if each.issuer == certificate.issuer and _signed(each, issuers)]
            current = [each for each in found if _is_current(each, moment)]
            if any(each.get_revoked_certificate_by_serial_number(certificate.serial_number) for each in found):
                raise CertificateRevoked(f"The certificate of {name_of(certificate)} was revoked by its issuer.")
            if strict and not current and len(chain) > 1:
                raise TrustStoreBroken(
                    f"There is no current list of revoked certificates of {certificate.issuer.rfc4514_string()}."
                )
            if found and not current:
                _log.warning("the list of certificates that %s revoked is out of date", certificate.issuer)


def require_signer(
    certificate: x509.Certificate,
    roots: Sequence[x509.Certificate] = (),
    between: Sequence[x509.Certificate] = (),
) -> x509.Certificate:
    """The root that vouches for who signs with a certificate now; without `roots` itself. No list of revoked is asked.

    A certificate that is one of the roots needs nobody above it. Raises `CertificateExpired`, `CertificateUntrusted`.
    """
    moment = datetime.now(UTC).replace(tzinfo=None)
    _require_valid(certificate, moment)
    if not roots:
        return certificate
    chain = _chained(certificate, roots, between, lambda each: _is_valid(each, moment))
    if len(chain) > 1:
        _require_use(certificate)
    return chain[-1]


def _chained(
    certificate: x509.Certificate,
    roots: Sequence[x509.Certificate],
    between: Sequence[x509.Certificate],
    counts: Callable[[x509.Certificate], bool],
) -> list[x509.Certificate]:
    """The certificate, those above it, and a root. Raises `CertificateUntrusted`."""
    trusted = {fingerprint(root) for root in roots}
    others = [each for each in (*roots, *between) if each != certificate]
    waiting: list[list[x509.Certificate]] = [[certificate]]
    while waiting:
        chain = waiting.pop(0)
        if fingerprint(chain[-1]) in trusted:
            return chain
        if len(chain) < _LONGEST_CHAIN:
            above = [each for each in others if counts(each) and _may_issue(each, chain)]
            others = [each for each in others if each not in above]  # once: a way found later is no shorter
            waiting += [[*chain, each] for each in above]
    raise CertificateUntrusted(
        f"Nobody who is trusted here vouches for {name_of(certificate)}, whose certificate "
        f"{certificate.issuer.rfc4514_string() or 'nobody'} issued; ask the operator whose signatures count."
    )


def _require_valid(certificate: x509.Certificate, moment: datetime) -> None:
    if not _is_valid(certificate, moment):
        first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        raise CertificateExpired(
            f"The certificate of {name_of(certificate)} is valid from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} "
            f"UTC; its signature was judged for {moment:%Y-%m-%d %H:%M}."
        )


def _is_valid(certificate: x509.Certificate, moment: datetime) -> bool:
    return certificate.not_valid_before_utc <= moment.replace(tzinfo=UTC) <= certificate.not_valid_after_utc


def _may_issue(issuer: x509.Certificate, chain: Sequence[x509.Certificate]) -> bool:
    """Whether `issuer` made the last certificate of the chain, and was allowed to."""
    try:
        chain[-1].verify_directly_issued_by(issuer)
        extensions = issuer.extensions
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.DuplicateExtension):
        return False
    if not _understood(extensions):
        return False
    limits = _extension(extensions, x509.BasicConstraints)
    usage = _extension(extensions, x509.KeyUsage)
    if limits is None or not limits.ca or (usage is not None and not usage.key_cert_sign):
        return False
    return limits.path_length is None or len(chain) - 1 <= limits.path_length


def _require_use(certificate: x509.Certificate) -> None:
    """The certificate may be used for signing data. Raises `CertificateUntrusted`."""
    try:
        extensions = certificate.extensions
    except (ValueError, x509.DuplicateExtension):
        raise CertificateUntrusted(f"The certificate of {name_of(certificate)} has extensions that are none.") from None
    usage = _extension(extensions, x509.KeyUsage)
    extended = _extension(extensions, x509.ExtendedKeyUsage)
    signs = usage is None or usage.digital_signature or usage.content_commitment
    if not signs or (extended is not None and not _SIGNERS_USE & set(extended)) or not _understood(extensions):
        raise CertificateUntrusted(
            f"The certificate of {name_of(certificate)} is not meant for signing data: its key usage has to allow "
            "digital signatures, and its extended key usage, if it has one, code signing."
        )


def _extension(extensions: x509.Extensions, kind: type[E]) -> E | None:
    return next((each.value for each in extensions if isinstance(each.value, kind)), None)


def _understood(extensions: x509.Extensions) -> bool:
    return all(each.oid in _UNDERSTOOD for each in extensions if each.critical)


def _signed(found: x509.CertificateRevocationList, issuers: Sequence[x509.Certificate]) -> bool:
    """Whether one of the issuers signed the list; of an unknown issuer it counts because the operator put it there."""
    known = [each for each in issuers if each.subject == found.issuer]
    try:
        return not known or any(found.is_signature_valid(each.public_key()) for each in known)  # type: ignore[arg-type]
    except (TypeError, ValueError, UnsupportedAlgorithm):
        return False


def _is_current(found: x509.CertificateRevocationList, moment: datetime) -> bool:
    return found.next_update_utc is None or found.next_update_utc >= moment.replace(tzinfo=UTC)


def _certificates(directory: Path) -> Iterator[x509.Certificate]:
    """All certificates in the files of a directory. Raises `TrustStoreBroken`."""
    for path, data in _files(directory):
        try:
            yield from x509.load_pem_x509_certificates(data)
        except ValueError:
            raise TrustStoreBroken(f"{path.name} in the trust store holds no certificate in PEM.") from None


def _crls(directory: Path) -> Iterator[x509.CertificateRevocationList]:
    """All lists of revoked certificates there, in PEM or DER. Raises `TrustStoreBroken`."""
    for path, data in _files(directory):
        pem = data.lstrip().startswith(b"-----")
        try:
            yield x509.load_pem_x509_crl(data) if pem else x509.load_der_x509_crl(data)
        except ValueError:
            raise TrustStoreBroken(f"{path.name} in the trust store is no list of revoked certificates.") from None


def _files(directory: Path) -> Iterator[tuple[Path, bytes]]:
    try:
        paths = sorted(path for path in directory.iterdir() if path.is_file() and not path.name.startswith("."))
        for path in paths:
            yield path, path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise TrustStoreBroken(f"The trust store cannot be read: {error.strerror}.") from None
