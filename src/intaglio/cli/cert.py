"""`intaglio cert`: the directory of signers' certificates, for sites without a key manager."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from intaglio.cli.options import FormatOption
from intaglio.cli.sources import ConfigOptions

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from intaglio.signatures.directory import CertificateDirectory
    from intaglio.signatures.settings import ServiceKeySettings

app = App(
    name="cert",
    help="Manage the certificates of those who sign images, where there is no key manager. Changes count at once.",
)

service = App(
    name="service",
    help="The service's own key, with which it signs receipts: consumers pin its certificate.",
)
app.command(service)

_NOWHERE = ConfigOptions()
CertificateId = Annotated[str, Parameter(help="The certificate's id, a UUID.")]
File = Annotated[Path, Parameter(help="A certificate in PEM or DER.")]
Id = Annotated[str | None, Parameter(name="--id", help="The id it gets, a UUID. [default: a new one]")]


@app.command
def add(file: File, /, *, id: Id = None, options: ConfigOptions = _NOWHERE) -> None:  # noqa: A002 - the option's name
    """Add a certificate and print its id: what `img_signature_certificate_uuid` of signed images names.

    For example:

        intaglio cert add signer.pem
    """
    from intaglio.signatures.base import CertificateUnusable
    from intaglio.signatures.certificates import der_of, name_of, read

    try:
        der = der_of(file.read_bytes())
    except OSError as error:
        raise CertificateUnusable(f"{file} cannot be read: {error.strerror}.") from None
    certificate = read(der)
    chosen = _directory(options).add(der, id)
    sys.stdout.write(f"{chosen}\n")
    sys.stderr.write(f"Added the certificate of {name_of(certificate)}.\n")


@app.command(name="list")
def show_all(*, options: ConfigOptions = _NOWHERE, format: FormatOption = "table") -> None:  # noqa: A002 - the option's name
    """List the certificates: id, whose it is, and until when it is valid.

    For example:

        intaglio cert list --format json
    """
    directory = _directory(options)
    found = [_facts(directory, certificate_id) for certificate_id in directory.ids()]
    if format == "json":
        sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=2) + "\n")
        return
    rows = [("ID", "VALID UNTIL", "SUBJECT"), *((one["id"], one["not_after"], one["subject"]) for one in found)]
    for certificate_id, until, subject in rows:
        sys.stdout.write(f"{certificate_id:36}  {until:20}  {subject}\n")


@app.command
def show(
    certificate_id: CertificateId,
    /,
    *,
    options: ConfigOptions = _NOWHERE,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> None:
    """Show one certificate.

    For example:

        intaglio cert show 2f1c1f9e-6f0c-4b7e-9a7e-0c6d1f2f5a11
    """
    _write(_facts(_directory(options), certificate_id), format)


@app.command
def remove(certificate_id: CertificateId, /, *, options: ConfigOptions = _NOWHERE) -> None:
    """Remove a certificate. Images that name it stay, and get no data and no copies any more.

    For example:

        intaglio cert remove 2f1c1f9e-6f0c-4b7e-9a7e-0c6d1f2f5a11
    """
    _directory(options).remove(certificate_id)
    sys.stdout.write(f"Removed {certificate_id}.\n")


@service.command(name="show")
def show_service(*, options: ConfigOptions = _NOWHERE, format: FormatOption = "table") -> None:  # noqa: A002 - the option's name
    """Show the service's certificate: what to compare when it was brought to somebody.

    The key is made if there is none and none is configured.

    For example:

        intaglio cert service show
    """
    from intaglio.signatures.service_key import load

    settings = _service_key(options)
    found = load(settings)
    facts = {"key_id": found.keyid, **_read("", found.certificate), "file": str(settings.certificate or settings.key)}
    del facts["id"]
    if format == "json":
        facts["pem"] = found.pem
    _write(facts, format)
    if format != "json":
        sys.stdout.write(found.pem)


@service.command(name="export")
def export_service(*, options: ConfigOptions = _NOWHERE) -> None:
    """Write the service's certificate in PEM, for `intaglio image verify --certificate` and other programs.

    For example:

        intaglio cert service export > image-service.pem
    """
    from intaglio.signatures.service_key import load

    sys.stdout.write(load(_service_key(options)).pem)


@service.command(name="make")
def make_service(*, options: ConfigOptions = _NOWHERE) -> None:
    """Make the service's key where the configuration says, if there is none.

    A service of one machine does so by itself. With several, make it on one, and bring the file to the others.

    For example:

        intaglio cert service make
    """
    from intaglio.signatures.service_key import load, make

    settings = _service_key(options)
    made = settings.certificate is None and make(settings.key)
    found = load(settings)
    sys.stdout.write(f"{found.keyid}\n")
    sys.stderr.write(f"Made {settings.key}.\n" if made else f"{settings.key} was there already.\n")


@service.command(name="renew")
def renew_service(
    *,
    yes: Annotated[bool, Parameter(help="Do not ask.", negative="")] = False,
    options: ConfigOptions = _NOWHERE,
) -> int:
    """Make a new key in the place of the one that is there. It counts at once; new receipts are signed with it.

    Receipts that were signed before stay as they are, and GET /v2/info/certificates goes on showing their certificate.
    `intaglio image receipts --all` has all of them written anew. With several machines, bring the file to the others.

    For example:

        intaglio cert service renew
    """
    from intaglio.signatures.service_key import load, renew

    settings = _service_key(options)
    if settings.certificate is not None:
        sys.stderr.write("intaglio: service_certificate is somebody else's word about the key; replace both files.\n")
        return 2
    before = load(settings)
    if not yes and not _agreed(f"Replace the key {before.keyid[:16]} in {settings.key}? Who pinned it has to be told."):
        return 1
    renew(settings.key)
    sys.stdout.write(f"{load(settings).keyid}\n")
    return 0


def _agreed(question: str) -> bool:
    if not sys.stdin.isatty():
        sys.stderr.write("intaglio: Say --yes, for there is nobody to be asked.\n")
        return False
    return input(f"{question} [y/N] ").strip().lower() in {"y", "yes"}


def _service_key(options: ConfigOptions) -> "ServiceKeySettings":
    from intaglio.bootstrap.load import load

    return load(options.sources()).signatures.service_key


def _directory(options: ConfigOptions) -> "CertificateDirectory":
    from intaglio.bootstrap.load import load
    from intaglio.signatures.directory import CertificateDirectory

    return CertificateDirectory(load(options.sources()).signatures.certificate_dir)


def _write(facts: dict[str, str], format: str) -> None:  # noqa: A002 - as above
    if format == "json":
        sys.stdout.write(json.dumps(facts, ensure_ascii=False, indent=2) + "\n")
        return
    for name, value in facts.items():
        sys.stdout.write(f"{name.replace('_', ' '):18}  {value}\n")


def _facts(directory: "CertificateDirectory", certificate_id: str) -> dict[str, str]:
    from intaglio.signatures.base import CertificateUnusable
    from intaglio.signatures.certificates import read

    try:
        return _read(certificate_id, read(directory.read(certificate_id)))
    except CertificateUnusable as error:
        return {"id": certificate_id, "subject": f"({error})", "issuer": "", "not_before": "", "not_after": ""}


def _read(certificate_id: str, certificate: "Certificate") -> dict[str, str]:
    from intaglio.signatures.certificates import fingerprint, kind_of, name_of

    return {
        "id": certificate_id,
        "subject": name_of(certificate),
        "issuer": certificate.issuer.rfc4514_string(),
        "not_before": f"{certificate.not_valid_before_utc:%Y-%m-%dT%H:%M:%SZ}",
        "not_after": f"{certificate.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}",
        "key": kind_of(certificate.public_key()),
        "fingerprint": f"sha256:{fingerprint(certificate)}",
    }
