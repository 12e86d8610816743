"""`intaglio image sign`: the properties of a signed image, made where the private key is; and the image itself."""

import getpass
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from intaglio.cli.image import Cloud, connect_to
from intaglio.cli.image_signed_upload import Sign, Upload, send, verified

if TYPE_CHECKING:
    from collections.abc import Mapping

_NO_UPLOAD = Upload()

Hash = Literal["SHA-224", "SHA-256", "SHA-384", "SHA-512"]


def sign(
    file: Annotated[Path, Parameter(help="The file with the image's data.")],
    /,
    *,
    key: Annotated[Path, Parameter(help="The private key, in PEM. It is only read here.")],
    certificate_id: Annotated[str, Parameter(help="The id of the certificate, in the key manager or of `cert add`.")],
    cert: Annotated[
        Path | None, Parameter(help="The certificate: then what was signed is verified under it at once.")
    ] = None,
    hash: Annotated[Hash, Parameter(help="The hash that is signed.")] = "SHA-256",  # noqa: A002 - the option's name
    upload: Upload = _NO_UPLOAD,
    os_cloud: Cloud = None,
    format: Annotated[  # noqa: A002 - the option's name
        Literal["words", "json"],
        Parameter(help="words: options for `openstack image create` and `set`; json: an object for programs."),
    ] = "words",
) -> None:
    """Sign a file and print the four properties of its image; with --upload make that image, too, and send the file.

    Without --upload nothing is sent anywhere. With it the file is sent while it is hashed, where the service offers the
    import method glance-direct, and its signature is set before anything is imported; nothing stays of an image that
    the service refuses, and the exit code is 1. A passphrase of the key is asked for at the terminal.

    For example:

        intaglio image sign disk.img --key signer.key --certificate-id 2f1c1f9e-6f0c-4b7e-9a7e-0c6d1f2f5a11

        openstack image create $(intaglio image sign disk.img --key signer.key --certificate-id …) --file disk.img disk

        intaglio image sign disk.img --key signer.key --certificate-id … --upload --disk-format qcow2 --name debian-13
    """
    from intaglio.base.errors import Invalid
    from intaglio.signatures import signing
    from intaglio.signatures.certificates import der_of

    try:
        der = None if cert is None else der_of(cert.read_bytes())
        private = _key(key)
        if not upload.upload:
            _show(signing.sign(file, private, certificate_id, hash, der), format)
            return

        def signed(digest: bytes) -> dict[str, str]:
            return signing.sign_digest(digest, private, certificate_id, hash, der)

        _send(file, upload, os_cloud, hash, signed, format)
    except OSError as error:
        raise Invalid(f"{error.filename} cannot be read: {error.strerror}.") from None


def _send(file: Path, upload: Upload, cloud: str | None, hash_method: str, sign: Sign, form: str) -> None:
    from intaglio.domain.signatures import HASHES, PROPERTIES

    fields = upload.fields(file)
    image = send(connect_to(cloud), file, fields, HASHES[hash_method], sign)
    told = verified(image)
    if form == "json":
        shown = {name: image.get(name) for name in ("id", "name", "status", "size", "os_hash_value", *PROPERTIES)}
        sys.stdout.write(json.dumps({**shown, "verified": told}, ensure_ascii=False, indent=2) + "\n")
        return
    sys.stdout.write(f"Image {image['id']} is {image['status']}.\n")
    if told is None:
        sys.stdout.write("The service does not say that it verified the signature.\n")
    else:
        trusted = f", for whom {told['trusted_by']} vouches" if told.get("trusted_by") else ""
        sys.stdout.write(f"The service verified the signature of {told['subject']}{trusted}.\n")


def _key(path: Path) -> Any:
    from intaglio.signatures import signing

    data = path.read_bytes()
    try:
        return signing.read_key(data)
    except signing.PassphraseNeeded:
        if not sys.stdin.isatty():
            raise
        return signing.read_key(data, getpass.getpass("Passphrase of the key: ").encode())


def _show(properties: "Mapping[str, str]", format: str) -> None:  # noqa: A002 - as above
    if format == "json":
        sys.stdout.write(json.dumps(properties, indent=2) + "\n")
        return
    for name, value in properties.items():
        sys.stdout.write(f"--property {name}={value}\n")
