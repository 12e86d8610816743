"""`intaglio image evidence`: what signatures a service verified on an image's way in."""

import sys
from collections.abc import Mapping
from typing import Any

from intaglio.cli.image import Cloud, Image, connect_to
from intaglio.cli.options import FormatOption


def evidence(
    image: Image,
    /,
    *,
    os_cloud: Cloud = None,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> int:
    """Show upstream's signature of an image's data, and one that the service's own replaced, as they were verified.

    With --format json signatures and keys are there, for verifying them again with other programs. The exit code is 1
    when there is nothing.

    For example:

        intaglio image evidence debian-13
    """
    from intaglio.cli.output import print_json

    service = connect_to(os_cloud)
    found = service.evidence(str(service.find(image)["id"]))
    if format == "json":
        print_json(found)
    else:
        for each in found:
            sys.stdout.write(_words(each))
        if not found:
            sys.stdout.write("No signature was verified on the way of its data in.\n")
    return 0 if found else 1


def _words(found: Mapping[str, Any]) -> str:
    who = ", ".join(found.get("names") or ()) or "a key without a name"
    if found["evidence"] == "upstream":
        what = "the list of digests" if found.get("of") == "checksums" else "the data"
        key = found.get("key_source", "")
        kept = f"the operator's key {key.partition(':')[2]}" if key.startswith("operator:") else "a key that was given"
        lines = [
            f"Upstream's signature of {what} ({found['kind']}), verified {found['verified_at']} with {kept}:",
            f"  by {who}, {found['signer']}",
            f"  fetched from {found['source']}, sha256 {found['file']['sha256']}",
        ]
    else:
        lines = [
            f"The image's own signature before it was converted, verified {found['verified_at']}:",
            f"  by {who}, {found['signer']}",
            f"  of data in {found['source']['os_glance_source_format']}, {found['source']['os_glance_source_hash']}",
            f"  replaced by the service's, {found['replaced_by']}",
        ]
    return "\n".join(lines) + "\n"
