"""What a receipt says of an image: an in-toto statement (v1) whose subject is the image's bytes.

Source of the statement's form: in-toto Attestation Framework, "Statement" and "DigestSet", version 1.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from intaglio.domain.image import Image, Location
from intaglio.domain.signatures import (
    CERTIFICATE,
    HASH_METHOD,
    KEY_TYPE,
    OF_SIGNATURES,
    PROPERTIES,
    SIGNATURE,
    evidence_of,
)

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:intaglio:image-receipt:v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"

PROPERTY = "os_glance_receipt"
"""The member of an image's record that says where its receipt is; no caller can set it."""


class Inspected(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on an image's data, and the set of rules that it was made by."""

    accepted: bool
    detected_format: str
    rules: str
    judged_at: datetime


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """One copy. `object` is what the store names it by besides, such as RBD's ids of image and snapshot.

    `unseen` is why the store did not say that.
    """

    store: str | None
    type: str | None
    location: Location
    object: Mapping[str, str] = {}
    unseen: str | None = None


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a receipt is made of, beside the image itself.

    `digests`: where those on record come from, see `intaglio.db.repos.receipts.Digests`. `certificates`: PEM by
    fingerprint. `issuer`: the fingerprint of the service's own certificate. `shown`: whether locations may be read by
    everybody who sees the image. `replaces`: the SHA-256 of the payload of the receipt before.
    """

    digests: str
    inspected: Inspected | None
    stored: Sequence[Stored]
    certificates: Mapping[str, str]
    shown: bool
    issuer: str
    replaces: str | None = None


def known_digests(image: Image) -> dict[str, str]:
    """Every digest of the image's bytes that is on record, hex by hashlib's names; md5 is the API's `checksum`."""
    found: dict[str, str] = {}
    evidence = evidence_of(image.properties, image.os_hash_value)
    if evidence is not None:
        found.update(evidence.digests)
    if image.os_hash_algo and image.os_hash_value:
        found[image.os_hash_algo] = image.os_hash_value
    if image.checksum:
        found["md5"] = image.checksum
    return found


def mark(image: Image, facts: Facts) -> str:
    """Another one when a new receipt would say something else, its time apart."""
    inspected = facts.inspected
    words = (
        image.id,
        image.size,
        sorted(known_digests(image).items()),
        image.disk_format,
        image.container_format,
        [(name, image.properties.get(name)) for name in sorted(OF_SIGNATURES)],
        sorted((each.location.uri, sorted(each.object.items())) for each in facts.stored),
        None if inspected is None else (inspected.accepted, inspected.rules, inspected.detected_format),
        facts.digests,
        facts.shown,
    )
    return hashlib.sha256(msgspec.json.encode(words)).hexdigest()


def statement(image: Image, facts: Facts, now: datetime) -> bytes:
    """The statement in JSON. The image has a digest on record."""
    predicate: dict[str, Any] = {
        "image": image.id,
        "size": image.size,
        "digests": facts.digests,
        "disk_format": image.disk_format,
        "container_format": image.container_format,
        "inspection": _inspection(facts.inspected),
        "signature": _signature(image, facts.certificates),
        "copies": [_copy(each, shown=facts.shown) for each in facts.stored],
        "issuer": {"certificate_sha256": facts.issuer},
        "issued_at": _time(now),
    }
    if facts.replaces is not None:
        predicate["replaces"] = {"sha256": facts.replaces}
    document = {
        "_type": STATEMENT,
        "subject": [{"name": image.id, "digest": dict(sorted(known_digests(image).items()))}],
        "predicateType": PREDICATE,
        "predicate": predicate,
    }
    return msgspec.json.encode(document)


def _inspection(found: Inspected | None) -> Mapping[str, Any] | None:
    if found is None:
        return None
    return {
        "accepted": found.accepted,
        "detected_format": found.detected_format,
        "rules": found.rules,
        "at": _time(found.judged_at),
    }


def _signature(image: Image, certificates: Mapping[str, str]) -> Mapping[str, Any]:
    if not all(image.properties.get(name) for name in PROPERTIES):
        return {"state": "unsigned"}
    evidence = evidence_of(image.properties, image.os_hash_value)
    said = {
        "key_type": image.properties[KEY_TYPE],
        "hash_method": image.properties[HASH_METHOD],
        "certificate_id": image.properties[CERTIFICATE],
        "value": image.properties[SIGNATURE],
    }
    if evidence is None or evidence.verified is None:
        return {"state": "not-verified", **said}
    verified = evidence.verified
    fingerprints = verified.chain or (verified.certificate,)
    return {
        "state": "verified",
        **said,
        "signer": verified.subject,
        "certificate_sha256": verified.certificate,
        "trusted_by": verified.trusted_by or None,
        "verified_at": _time(verified.at),
        "chain": [{"sha256": each, "pem": certificates.get(each)} for each in fingerprints],
    }


def _copy(stored: Stored, *, shown: bool) -> Mapping[str, Any]:
    url = stored.location.public_uri
    said: dict[str, Any] = {
        "store": stored.store,
        "type": stored.type,
        "location_sha256": hashlib.sha256(url.encode()).hexdigest(),
    }
    if shown:
        said["location"] = url
    if stored.object:
        said["object"] = dict(stored.object)
    if stored.unseen is not None:
        said["unseen"] = stored.unseen
    return said


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds") + "Z"
