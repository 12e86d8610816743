"""The signatures of images that are imported: judged before their data are read, with what the API process fetched.

A worker has no token of the caller; so who asks for an import has the certificate fetched at once, and it is kept with
the task.
"""

import base64
from collections.abc import Mapping
from typing import Any

from intaglio.db.repos import tasks
from intaglio.domain.image import Image
from intaglio.domain.signatures import PROPERTIES, SIGNATURE, ImageSignature
from intaglio.imports.base import Bench, Job
from intaglio.imports.conversion import SOURCE_FORMAT, SOURCE_HASH
from intaglio.ingest.base import Ingested
from intaglio.signatures.base import Found
from intaglio.signatures.verification import Check

CERTIFICATES = "signers_certificates"
"""The member of a task's input that holds them; it is not shown."""


def kept(signature: ImageSignature, found: Found) -> Mapping[str, Any]:
    """What a task's input says of the certificates that were fetched."""
    encoded = [base64.b64encode(der).decode() for der in (found.certificate, *found.anchors)]
    return {CERTIFICATES: {"id": signature.certificate_id, "der": encoded}}


async def check(bench: Bench, job: Job, image: Image) -> Check | None:
    """Everything about the image's signature that can be known before its bytes. Raises what `Verification.check` does.

    A certificate that the image did not name when the import was asked for is fetched with the service's own login.
    """
    signature = bench.verification.wanted(image, job.stores)
    if signature is None:
        return None
    task = await bench.database.read(lambda conn: tasks.get(conn, job.task_id))
    there = ((task.input if task is not None else None) or {}).get(CERTIFICATES)
    found = None
    if there is not None and there["id"] == signature.certificate_id:
        certificate, *anchors = (base64.b64decode(text) for text in there["der"])
        found = Found(certificate=certificate, anchors=tuple(anchors))
    return await bench.verification.check(image, job.stores, found=found)


def noted(bench: Bench, job: Job, image: Image, found: Check | None, facts: Ingested) -> Mapping[str, str | None]:
    """The image's properties once its bytes are what was signed. Raises `SignatureChanged`."""
    return bench.verification.noted(image, job.stores, found, facts.os_hash_value, facts.digests)


def replaced(image: Image, found: Check, by: str, source: Mapping[str, str]) -> Mapping[str, Any]:
    """What is kept of a signature that the service's own replaced. `by` is the fingerprint of its certificate."""
    return {
        "kind": "image-signature",
        "of": "source",
        "signer": found.signer.fingerprint,
        "names": [found.signer.subject],
        "trusted_by": found.trusted_by or None,
        "verified_at": found.moment.isoformat() + "Z",
        "properties": {name: image.properties[name] for name in PROPERTIES},
        "signature": image.properties[SIGNATURE],
        "certificates": [pem for _, pem in found.chain],
        "source": {name: source[name] for name in (SOURCE_FORMAT, SOURCE_HASH)},
        "replaced_by": by,
    }
