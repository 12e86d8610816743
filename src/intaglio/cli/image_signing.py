"""`intaglio image sign`: the properties of a signed image, made where the private key is."""

import getpass
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    format: Annotated[  # noqa: A002 - the option's name
        Literal["words", "json"],
        Parameter(help="words: options for `openstack image create` and `set`; json: an object for programs."),
    ] = "words",
) -> None:
    """Sign a file and print the four properties of its image. Nothing is sent anywhere.

    A passphrase of the key is asked for at the terminal.

    For example:

        intaglio image sign disk.img --key signer.key --certificate-id 2f1c1f9e-6f0c-4b7e-9a7e-0c6d1f2f5a11

        openstack image create $(intaglio image sign disk.img --key signer.key --certificate-id …) --file disk.img disk
    """
    from intaglio.base.errors import Invalid
    from intaglio.signatures import signing
    from intaglio.signatures.certificates import der_of

    try:
        der = None if cert is None else der_of(cert.read_bytes())
        made = signing.sign(file, _key(key), certificate_id, hash, der)
    except OSError as error:
        raise Invalid(f"{error.filename} cannot be read: {error.strerror}.") from None
    _show(made, format)


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
