"""`intaglio image import` and `create`: having a service import an image's data, and watching it do so."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from intaglio.cli.image import Cloud, Image, connect_to
from intaglio.cli.image_import_output import shown_progress
from intaglio.cli.options import FormatOption

if TYPE_CHECKING:
    from intaglio.client.cloud import ImageService

Method = Annotated[
    Literal["glance-direct", "web-download", "copy-image", "glance-download"] | None,
    Parameter(help="The import method. [default: web-download with --uri, otherwise glance-direct]"),
]
Wait = Annotated[bool, Parameter(help="Wait for the end, and show how far it is.", negative="")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the data come from, and where they go."""

    uri: Annotated[str | None, Parameter(help="What is fetched.")] = None
    checksum: Annotated[str | None, Parameter(help="What the data must hash to, such as sha256:…")] = None
    checksum_url: Annotated[str | None, Parameter(help="A list such as SHA256SUMS in its place.")] = None
    checksum_name: Annotated[str | None, Parameter(help="The file's name in that list.")] = None
    signature: Annotated[
        str | None, Parameter(help="Upstream's signature of the data, or of the list: its URL, or a file here.")
    ] = None
    signature_of: Annotated[
        Literal["data", "checksums"] | None,
        Parameter(help="What is signed. [default: checksums with --checksum-url, otherwise data]"),
    ] = None
    key: Annotated[
        str | None, Parameter(help="The signer's public key: a file here, or the name of one that the operator keeps.")
    ] = None
    signed_by: Annotated[str | None, Parameter(help="The fingerprint of the key that must have signed.")] = None
    signature_hash: Annotated[
        Literal["sha256", "sha384", "sha512"] | None, Parameter(help="The hash of a bare signature. [default: sha256]")
    ] = None
    store: Annotated[list[str] | None, Parameter(help="A store to import into; may be repeated.", negative="")] = None
    all_stores: Annotated[bool, Parameter(help="Import into all stores.", negative="")] = False
    allow_failure: Annotated[bool, Parameter(help="Keep the image when only some stores take it.", negative="")] = False

    def body(self, method: str | None, more: Mapping[str, str]) -> dict[str, Any]:
        """The body of the request."""
        named = {"uri": self.uri, "checksum": self.checksum, "checksum_url": self.checksum_url}
        named |= {"checksum_name": self.checksum_name, "signature_of": self.signature_of}
        named |= {"signature_by": self.signed_by, "signature_hash": self.signature_hash}
        named |= {"signature": _inline(self.signature, key=False), "signature_key": _inline(self.key, key=True)}
        details = {name: value for name, value in {**named, **more}.items() if value}
        body: dict[str, Any] = {
            "method": {"name": method or ("web-download" if self.uri else "glance-direct"), **details}
        }
        if self.store:
            body["stores"] = self.store
        if self.all_stores:
            body["all_stores"] = True
        if self.allow_failure:
            body["all_stores_must_succeed"] = False
        return body


_DEFAULT = Source()


def _inline(given: str | None, *, key: bool) -> str | None:
    """What is in the file of this name, where there is one; a URL or a name is sent as it is."""
    from pathlib import Path

    from intaglio.base.errors import Invalid
    from intaglio.signatures.upstream import text_of

    if given is None or given.startswith(("http://", "https://")) or not Path(given).is_file():
        return given
    try:
        data = Path(given).read_bytes()
    except OSError as error:
        raise Invalid(f"{given} cannot be read: {error.strerror}.") from None
    return text_of(data, key=key)


def import_image(
    image: Image,
    /,
    *,
    method: Method = None,
    source: Source = _DEFAULT,
    remote_region: Annotated[str | None, Parameter(help="The region of glance-download.")] = None,
    remote_image: Annotated[str | None, Parameter(help="The id of the image there.")] = None,
    wait: Wait = False,
    os_cloud: Cloud = None,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> int:
    """Import data into an image: what was staged, what a URL leads to, or the image's own into more stores.

    With --wait the exit code is 1 when the import fails. Interrupting the command does not call the import off.

    For example:

        intaglio image import debian-13 --uri https://example.org/debian.qcow2 --checksum sha256:… --wait

        intaglio image import debian-13 --uri https://example.org/debian.qcow2 --signature
        https://example.org/debian.qcow2.asc --key upstream.asc --wait

        intaglio image import debian-13 --method copy-image --all-stores --wait
    """
    service = connect_to(os_cloud)
    remote = {"glance_region": remote_region, "glance_image_id": remote_image}
    body = source.body(method, {name: value for name, value in remote.items() if value})
    return _begin(service, service.find(image), body, wait=wait, form=format)


def create(
    name: Annotated[str, Parameter(help="The name of the new image.")],
    /,
    *,
    uri: Annotated[str, Parameter(help="What is fetched.")],
    disk_format: Annotated[str, Parameter(help="The format of the data, such as qcow2 or raw.")],
    container_format: str = "bare",
    property: Annotated[  # noqa: A002 - the option's name
        list[str] | None, Parameter(help="A property, NAME=VALUE; may be repeated.", negative="")
    ] = None,
    checksum: Annotated[str | None, Parameter(help="What the data must hash to, such as sha256:…")] = None,
    checksum_url: Annotated[str | None, Parameter(help="A list such as SHA256SUMS in its place.")] = None,
    wait: Wait = False,
    os_cloud: Cloud = None,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> int:
    """Make an image of what a URL leads to.

    For example:

        intaglio image create debian-13 --uri https://example.org/debian.qcow2 --disk-format qcow2 --wait
    """
    from intaglio.client.cloud import CallRefused

    service = connect_to(os_cloud)
    fields = {"name": name, "disk_format": disk_format, "container_format": container_format}
    made = service.create({**_properties(property or []), **fields})
    body = Source(uri=uri, checksum=checksum, checksum_url=checksum_url).body(None, {})
    try:
        return _begin(service, made, body, wait=wait, form=format)
    except CallRefused:
        service.delete(str(made["id"]))  # made for this, and nobody asked for an empty one
        raise


def _properties(given: list[str]) -> dict[str, str]:
    from intaglio.client.cloud import CallRefused

    for text in given:
        if "=" not in text:
            raise CallRefused(f"'{text}' is no property: write NAME=VALUE.")
    return dict(text.split("=", 1) for text in given)


def _begin(service: "ImageService", image: Mapping[str, Any], body: Mapping[str, Any], *, wait: bool, form: str) -> int:
    from intaglio.cli.output import print_json
    from intaglio.client.waiting import await_import

    image_id = str(image["id"])
    task_id = service.import_image(image_id, body)
    if not wait:
        if form == "json":
            print_json({"image_id": image_id, "task_id": task_id})
        else:
            sys.stdout.write(f"Image {image_id} is being imported; `intaglio task list {image_id}` shows how far.\n")
        return 0
    with shown_progress(str(image.get("name") or image_id)) as tell:
        outcome = await_import(service, image_id, task_id, tell)
    if form == "json":
        print_json(outcome)
    elif outcome.status == "success":
        sys.stdout.write(f"Image {image_id} is {outcome.image_status}. {outcome.message}".rstrip() + "\n")
    else:
        sys.stderr.write(f"intaglio: {outcome.message}\n")
    return 0 if outcome.status == "success" else 1
