"""`[image_signature_verification]`, and castellan's groups as far as a start can check them."""

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from oslo_config import cfg

from intaglio.bootstrap.problems import Level
from intaglio.bootstrap.reading import Reading
from intaglio.domain.image import Visibility
from intaglio.identity.settings import AuthMode
from intaglio.signatures.settings import (
    Crl,
    KeyManagerSettings,
    Mode,
    ServiceKeySettings,
    SignatureSettings,
    Source,
    Trust,
)

GROUP = "image_signature_verification"
_KEY_MANAGER = "key_manager"
_LIBRARIES = {"barbican": ("castellan", "barbicanclient"), "vault": ("castellan",)}


def signature_settings(reading: Reading, data_dir: Path, auth: AuthMode) -> SignatureSettings:
    """All of it; what could not work is a problem, and the service does not start with it."""
    settings = SignatureSettings(
        mode=Mode(reading.get(GROUP, "mode")),
        project_modes=_modes(reading, "project_modes"),
        visibility_modes=_modes(reading, "visibility_modes", tuple(Visibility)),
        store_modes=_modes(reading, "store_modes"),
        trust=Trust(reading.get(GROUP, "trust")),
        trust_dir=_place(reading, "trust_dir", data_dir / "trust"),
        trusted_certificate_ids=tuple(reading.get(GROUP, "trusted_certificate_ids")),
        accept_expired=reading.get(GROUP, "accept_expired"),
        smallest_key_bits=reading.get(GROUP, "smallest_key_bits"),
        crl=Crl(reading.get(GROUP, "crl")),
        certificates=_source(reading, auth),
        certificate_dir=_place(reading, "certificate_dir", data_dir / "certificates"),
        key_manager=_key_manager(reading),
        service_key=_service_key(reading, data_dir),
        service_certificate_id=reading.get(GROUP, "service_certificate_id") or None,
        upstream_keys=_place(reading, "upstream_keys", data_dir / "upstream-keys"),
        callers_keys=reading.get(GROUP, "callers_keys"),
        receipts=reading.get(GROUP, "receipts"),
    )
    _check(reading, settings)
    return settings


def _place(reading: Reading, name: str, default: Path) -> Path:
    named = reading.get(GROUP, name)
    return Path(named).expanduser().absolute() if named else default


def _service_key(reading: Reading, data_dir: Path) -> ServiceKeySettings:
    named = reading.get(GROUP, "service_key")
    certificate = reading.get(GROUP, "service_certificate")
    if certificate and not named:
        reading.complain(GROUP, "service_certificate", "It is that of service_key, which is not set.")
    return ServiceKeySettings(
        key=_place(reading, "service_key", data_dir / "service-key.pem"),
        certificate=Path(certificate).expanduser().absolute() if certificate else None,
        make=not named,
    )


def _source(reading: Reading, auth: AuthMode) -> Source:
    """Beside Keystone a Glance asks the key manager; without it there usually is none."""
    chosen = reading.get(GROUP, "certificates")
    if chosen is not None:
        return Source(chosen)
    key_manager = auth is AuthMode.KEYSTONE or reading.is_set(_KEY_MANAGER, "backend")
    return Source.KEY_MANAGER if key_manager else Source.DIRECTORY


def _modes(reading: Reading, name: str, known: tuple[str, ...] = ()) -> Mapping[str, Mode]:
    found: dict[str, Mode] = {}
    for key, text in reading.get(GROUP, name):
        if text not in set(Mode):
            reading.complain(GROUP, name, f"{text!r} is no mode; there are {', '.join(Mode)}.")
        elif known and key not in known:
            reading.complain(GROUP, name, f"{key!r} is not one of {', '.join(known)}.")
        else:
            found[key] = Mode(text)
    return found


def _key_manager(reading: Reading) -> KeyManagerSettings:
    auth_url = reading.get("keystone_authtoken", "auth_url")
    if reading.is_set("barbican", "auth_endpoint") or not auth_url:
        auth_url = reading.get("barbican", "auth_endpoint")
    return KeyManagerSettings(
        files=tuple(reading.files),
        own_login=reading.get(_KEY_MANAGER, "auth_type") is not None,
        auth_url=auth_url,
        seconds=reading.get(GROUP, "key_manager_seconds"),
    )


def castellan_configuration(files: Sequence[Path]) -> Any:
    """The operator's files as castellan and the libraries below it read them: each option means what it does there."""
    conf = cfg.ConfigOpts()
    arguments = [word for file in files for word in ("--config-file", str(file))]
    conf(arguments, project="intaglio", default_config_files=[], default_config_dirs=[])
    return conf


def _check(reading: Reading, settings: SignatureSettings) -> None:
    """Missing libraries stop a start only where somebody asked for them: most clouds have no signed images."""
    named = reading.is_set(GROUP, "certificates") or reading.is_set(_KEY_MANAGER, "backend")
    backend = reading.get(_KEY_MANAGER, "backend")
    missing = [name for name in _LIBRARIES.get(backend, ("castellan",)) if importlib.util.find_spec(name) is None]
    if settings.certificates is Source.KEY_MANAGER and missing and named:
        message = (
            "Certificates in a key manager need another part; install it with: pip install 'intaglio[keymanager]'."
        )
        reading.complain(GROUP, "certificates", message, code="extra-missing")
    if settings.trust is Trust.ANCHORED and not settings.trusted_certificate_ids and not settings.trust_dir.is_dir():
        message = (
            f"There is no directory {str(settings.trust_dir)!r}: no signature counts until there is one with roots."
        )
        reading.complain(GROUP, "trust_dir", message, code="no-trust-store", level=Level.WARNING)
