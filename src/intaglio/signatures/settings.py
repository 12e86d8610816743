"""What the operator asks of signatures (`[image_signature_verification]`), and where signers' certificates are."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import msgspec


class Mode(StrEnum):
    """What becomes of signatures. The order is that of strictness."""

    OFF = "off"  # the four properties are properties like others
    VERIFY = "verify-if-signed"
    REQUIRE = "require"  # data without a signature are refused, too


class Trust(StrEnum):
    """Whose certificates count."""

    ANY = "any"  # whatever the caller gets from where the certificates are, as in Glance
    ANCHORED = "anchored"  # those that a root of the trust store vouches for


class Source(StrEnum):
    """Where the certificates are that images name."""

    DIRECTORY = "directory"
    KEY_MANAGER = "key_manager"


class Crl(StrEnum):
    """What is asked of lists of revoked certificates."""

    IF_THERE = "if-there"
    REQUIRE = "require"  # a current one of every issuer


class KeyManagerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What castellan is given: the operator's files, in which it has groups of its own.

    `own_login`: it logs in as this service; otherwise the caller's token is used, at `auth_url`. `seconds`: how long
    one certificate may take.
    """

    files: tuple[Path, ...] = ()
    own_login: bool = False
    auth_url: str | None = None
    seconds: float = 30.0


class ServiceKeySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the service's own private key is, in PEM, and its certificate: in the same file, or in one of its own.

    `make`: it is made when there is none. A file that the operator named is not: every machine would make another.
    """

    key: Path = Path("service-key.pem")
    certificate: Path | None = None
    make: bool = True


class SignatureSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of it. `trust_dir` holds roots, intermediates and lists of revoked certificates."""

    mode: Mode = Mode.VERIFY
    project_modes: Mapping[str, Mode] = {}
    visibility_modes: Mapping[str, Mode] = {}
    store_modes: Mapping[str, Mode] = {}
    trust: Trust = Trust.ANY
    trust_dir: Path = Path("trust")
    trusted_certificate_ids: tuple[str, ...] = ()
    accept_expired: bool = False
    smallest_key_bits: int = 2048  # of RSA and DSA
    crl: Crl = Crl.IF_THERE
    certificates: Source = Source.DIRECTORY
    certificate_dir: Path = Path("certificates")
    key_manager: KeyManagerSettings = KeyManagerSettings()
    service_key: ServiceKeySettings = ServiceKeySettings()
    service_certificate_id: str | None = None  # what the operator's key manager calls its certificate
    upstream_keys: Path = Path("upstream-keys")  # public keys of those who publish what is imported
    callers_keys: bool = True  # whether those that callers bring count, too
    receipts: bool = True
