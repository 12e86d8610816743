"""`intaglio image verify`: whether bytes are what the service's receipt says, and who signed them."""

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from intaglio.base.errors import IntaglioError, Invalid, NotFound
from intaglio.cli.image import Cloud, connect_to
from intaglio.cli.options import FormatOption

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from intaglio.client.cloud import ImageService
    from intaglio.signatures.proof import Claims

VERIFIED, WRONG, UNREACHABLE, NOTHING = 0, 1, 2, 3
_PIECE = 1 << 20


class NothingToVerifyWith(NotFound):
    """There is no receipt, or no certificate to verify it with."""

    code = "nothing-to-verify-with"


class NotVerified(Invalid):
    """The bytes, or the receipt, are not what they should be."""

    code = "not-verified"


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Given:
    """What is at hand to verify with."""

    receipt: Annotated[Path | None, Parameter(help="The receipt, in a file. [default: the service's]")] = None
    certificate: Annotated[
        Path | None,
        Parameter(help="The service's certificate in PEM: whose receipts count. [default: what the service says]"),
    ] = None
    signer: Annotated[
        Path | None, Parameter(help="The certificate of who must have signed the image itself, in PEM or DER.")
    ] = None
    image: Annotated[
        str | None, Parameter(help="With a FILE: the image of the service that it should be, by id or name.")
    ] = None
    receipt_only: Annotated[
        bool, Parameter(help="Verify the receipt alone, and read no bytes: for clones and cached copies.", negative="")
    ] = False


_NOTHING_GIVEN = Given()


def verify(
    target: Annotated[str, Parameter(help="A file with an image's data, or an image of a service by id or name.")],
    /,
    *,
    given: Given = _NOTHING_GIVEN,
    os_cloud: Cloud = None,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> int:
    """Verify an image by its receipt, which the service signed: that these are its bytes, and who signed them.

    A FILE with --receipt and --certificate is verified without any service. The exit code is 0 when everything agrees,
    1 when something does not, 2 when something cannot be read or reached, and 3 when there is nothing to verify with.

    For example:

        intaglio image verify debian-13 --certificate image-service.pem

        intaglio image verify disk.img --receipt disk.receipt.json --certificate image-service.pem
    """
    found: dict[str, Any] = {"verified": False}
    try:
        _verify(target, given, os_cloud, found)
        code = VERIFIED
    except NothingToVerifyWith as error:
        code = _failed(found, error, NOTHING)
    except IntaglioError as error:
        code = _failed(found, error, WRONG if error.code in _wrong() else UNREACHABLE)
    except OSError as error:
        code = _failed(found, f"{error.filename} cannot be read: {error.strerror}.", UNREACHABLE)
    _show(found, code, format)
    return code


def _wrong() -> frozenset[str]:
    from intaglio.domain.signatures import SignatureMalformed
    from intaglio.signatures.base import CertificateUnusable, SignatureMismatch
    from intaglio.signatures.dsse import EnvelopeForged, EnvelopeMalformed
    from intaglio.signatures.proof import ReceiptMalformed

    kinds = (NotVerified, SignatureMismatch, EnvelopeForged, EnvelopeMalformed, ReceiptMalformed, SignatureMalformed)
    return frozenset(each.code for each in (*kinds, CertificateUnusable))


def _failed(found: dict[str, Any], error: object, code: int) -> int:
    found["reason"] = str(error)
    return code


def _verify(target: str, given: Given, os_cloud: str | None, found: dict[str, Any]) -> None:
    """Do so, and note in `found` what there is to say, as far as it came. Raises what keeps it from being verified."""
    from intaglio.signatures import proof

    file = Path(target) if Path(target).is_file() else None
    name = given.image if file is not None else target
    if file is not None and name is None and given.receipt is None:
        raise NothingToVerifyWith(f"Say with --receipt or --image what {file} should be.")
    asks = name is not None or given.certificate is None
    service = connect_to(os_cloud) if asks else None
    image = service.find(name) if service is not None and name is not None else None
    claims = _claims(given, service, image, found)
    says = claims.says
    if image is not None and says.image != image["id"]:
        raise NotVerified(f"The receipt is of the image {says.image}, not of {image['id']}.")
    digests: Mapping[str, str] = claims.digests
    if not given.receipt_only:
        with _progress(says.size) as told:
            measured = proof.measured(_pieces(file, service, image), claims.algorithms, told)
        found["bytes"] = {"from": "file" if file else "service", "size": measured.size, "digests": measured.digests}
        wrong = proof.differences(claims, measured)
        if wrong:
            raise NotVerified(f"The bytes are not those of the image: {'; '.join(wrong)}.")
        digests = measured.digests
    _check_signer(claims, digests, given, found)
    if not set(claims.known) - proof.WEAK:
        raise NotVerified("The receipt has no digest but MD5, which others can be made to have, too.")
    found["verified"] = True


def _claims(
    given: Given, service: "ImageService | None", image: "Mapping[str, Any] | None", found: dict[str, Any]
) -> "Claims":
    from intaglio.signatures import proof

    if given.receipt is not None:
        envelope: bytes | str = given.receipt.read_bytes()
    elif service is not None and image is not None:
        envelope = _envelope(service, image)
    else:
        raise AssertionError
    if given.certificate is not None:
        pinned, pem = True, given.certificate.read_bytes()
    elif service is not None:
        pinned, pem = False, "".join(service.certificates()).encode()
    if not pem.strip():
        raise NothingToVerifyWith("The service shows no certificate of its own; name it with --certificate.")
    claims = proof.claims(envelope, proof.certificates_in(pem))
    says = claims.says
    found |= {
        "image": says.image,
        "name": None if image is None else image.get("name"),
        "receipt": {
            "keyid": claims.keyid,
            "certificate_sha256": claims.certificate,
            "pinned": pinned,
            "issued_at": says.issued_at,
            "digests": says.digests,
        },
        "size": says.size,
        "digests": dict(claims.digests),
    }
    return claims


def _envelope(service: "ImageService", image: "Mapping[str, Any]") -> str:
    from intaglio.client.cloud import NoSuchImage

    try:
        return service.receipt(str(image["id"]))
    except NoSuchImage as error:
        raise NothingToVerifyWith(str(error)) from None


def _check_signer(claims: "Claims", digests: "Mapping[str, str]", given: Given, found: dict[str, Any]) -> None:
    """Whether the image's own signature fits, as far as that can be told."""
    from intaglio.signatures import proof

    said = claims.says.signature
    pinned = None if given.signer is None else given.signer.read_bytes()
    found["signature"] = {
        "state": said.state,
        "signer": said.signer,
        "trusted_by": said.trusted_by,
        "verified_at": said.verified_at,
        "certificate_sha256": said.certificate_sha256,
        "pinned": pinned is not None,
        "checked": False,
    }
    if pinned is None and said.state == "unsigned":
        return
    found["signature"]["checked"] = proof.signed_by(claims, digests, pinned) is not None


def _pieces(file: Path | None, service: "ImageService | None", image: "Mapping[str, Any] | None") -> "Iterable[bytes]":
    if file is not None:
        return _of_file(file)
    if service is None or image is None:
        raise AssertionError
    return service.download(str(image["id"]))


def _of_file(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while piece := opened.read(_PIECE):
            yield piece


@contextlib.contextmanager
def _progress(size: int | None) -> Iterator[Any]:
    """A bar on a terminal."""
    from intaglio.cli.output import console_on

    console = console_on(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    columns = (BarColumn(), DownloadColumn(binary_units=True), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task("", total=size)
        yield lambda number: bars.update(task, advance=number)


_HEADS = {
    WRONG: "DOES NOT MATCH",
    UNREACHABLE: "NOT VERIFIED",
    NOTHING: "NOTHING TO VERIFY WITH",
}
_ORIGINS = {
    "computed": "the service computed the digests from the bytes",
    "declared": "the digests are what somebody told the service; it has not read the bytes",
    "on-record": "the digests stood in the service's database; it has not read the bytes itself",
}


def _show(found: dict[str, Any], code: int, form: str) -> None:
    if form == "json":
        from intaglio.cli.output import print_json

        print_json({"code": code, **found})
        return
    if code != VERIFIED:
        sys.stderr.write(f"{_HEADS[code]}: {found['reason']}\n")
    else:
        name = f" ({found['name']})" if found["name"] else ""
        what = "is what its receipt says" if "bytes" in found else "has a receipt that holds; no bytes were read"
        sys.stdout.write(f"Image {found['image']}{name} {what}.\n")
    for title, text in _told(found):
        sys.stdout.write(f"  {title:10} {text}\n")


def _told(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    receipt = found.get("receipt")
    if receipt:
        whose = (
            "which you named" if receipt["pinned"] else "which is the service's own word: name it with --certificate"
        )
        yield "receipt", f"of {receipt['issued_at']}, signed by the key {receipt['keyid'][:16]}…"
        yield "", f"its certificate is {receipt['certificate_sha256'][:16]}…, {whose}"
        yield "", _ORIGINS.get(receipt["digests"], receipt["digests"])
    if "bytes" in found:
        compared = ", ".join(sorted(found["bytes"]["digests"]))
        yield "bytes", f"{found['bytes']['size']} read from the {found['bytes']['from']} and compared: {compared}"
    if "signature" in found:
        yield from _of_signature(found["signature"])


def _of_signature(said: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if said["state"] == "unsigned":
        yield "signature", "the image is not signed"
        return
    if said["state"] != "verified":
        yield "signature", "the image has one that the service did not verify"
    else:
        yield "signature", f"by {said['signer']}, verified by the service at {said['verified_at']}"
        root = said["trusted_by"]
        yield "", f"trusted, for {root} vouches for it" if root else "any certificate in the key manager counts there"
    if said["checked"]:
        key = "the certificate that you named" if said["pinned"] else "the certificate that the receipt shows"
        yield "", f"checked here, too, under {key}"
    else:
        yield "", "not checked here"
