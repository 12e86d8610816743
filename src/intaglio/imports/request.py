"""Reading the body of POST /v2/images/{id}/import."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from intaglio.base.errors import Invalid
from intaglio.domain.digests import DigestInvalid, parse
from intaglio.imports.methods import METHODS, PUBLIC, Method
from intaglio.signatures.upstream import HASHES

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DATA, _CHECKSUMS = "data", "checksums"
_LONGEST_INLINE = 20_000  # characters: all of a task's input has to fit into 64 KiB in Glance's table
_LONGEST_FINGERPRINT = 200
_EXAMPLE = '{"method": {"name": "glance-direct"}}'


class InvalidImport(Invalid):
    """The request for an import is not of the form that there is for it."""

    code = "invalid-import"


class ImportRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. `stores` is None when none are named; `details` are the method's own."""

    method: str
    details: Mapping[str, str]
    stores: tuple[str, ...] | None
    all_stores: bool
    all_stores_must_succeed: bool

    @property
    def plan(self) -> Method:
        """The row of the table of methods."""
        return METHODS[self.method]


def read(body: Mapping[str, Any], *, header_store: str | None, multi: bool) -> ImportRequest:
    """The request. `header_store` is what X-Image-Meta-Store says, `multi` whether stores have ids here.

    Raises `InvalidImport`.
    """
    method = body.get("method")
    if not isinstance(method, dict) or not isinstance(method.get("name"), str):
        raise InvalidImport(f"The body must name a method, as in {_EXAMPLE}.")
    if method["name"] not in PUBLIC:
        raise InvalidImport(f"'{method['name'][:80]}' is no import method; there are: {', '.join(PUBLIC)}.")
    stores = _stores(body, header_store)
    must_succeed = _flag(body, "all_stores_must_succeed", default=True)
    # `all_stores_must_succeed` means nothing then, but `openstack image import` always sends it, and hides a refusal
    if not multi and (stores is not None or _flag(body, "all_stores", default=False)):
        raise InvalidImport("This service has one store, without an id: an import cannot choose among stores.")
    return ImportRequest(
        method=method["name"],
        details=_details(METHODS[method["name"]], method),
        stores=stores,
        all_stores=_flag(body, "all_stores", default=False),
        all_stores_must_succeed=must_succeed,
    )


def _stores(body: Mapping[str, Any], header_store: str | None) -> tuple[str, ...] | None:
    stores = body.get("stores")
    if stores is not None and _flag(body, "all_stores", default=False):
        raise InvalidImport("'stores' and 'all_stores' exclude each other.")
    if header_store is not None:
        if stores not in (None, [header_store]) or _flag(body, "all_stores", default=False):  # one client says it twice
            raise InvalidImport("Name stores in the body or in the header X-Image-Meta-Store, not in both.")
        return (header_store,)
    if stores is None:
        return None
    if not isinstance(stores, list) or not stores or not all(isinstance(store, str) for store in stores):
        raise InvalidImport("'stores' must be a list of the ids of stores, at least one.")
    return tuple(dict.fromkeys(stores))


def _flag(body: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise InvalidImport(f"'{name}' must be true or false.")
    return value


def _details(plan: Method, method: Mapping[str, Any]) -> dict[str, str]:
    details: dict[str, str] = {}
    for name in (*plan.details, *plan.optional):
        value = method.get(name, plan.optional.get(name))
        if not isinstance(value, str) or not value.strip():
            raise InvalidImport(f"The method {method['name']} needs '{name}', a text.")
        details[name] = value
    for name in plan.extras:
        if name in method:
            if not isinstance(method[name], str) or not method[name].strip():
                raise InvalidImport(f"'{name}' must be a text.")
            details[name] = method[name]
    _require_digest(details)
    _require_signature(details)
    image_id = details.get("glance_image_id")
    if image_id is not None and _UUID.fullmatch(image_id) is None:
        raise InvalidImport("'glance_image_id' is wrong: the image id does not look like a UUID.")
    return details


def _require_digest(details: Mapping[str, str]) -> None:
    """What is said of the expected digest must be sound, and be said once."""
    if "checksum" in details:
        if "checksum_url" in details:
            raise InvalidImport("Give the digest as 'checksum', or a list of digests as 'checksum_url', not both.")
        try:
            parse(details["checksum"])
        except DigestInvalid as error:
            raise InvalidImport(f"'checksum' is wrong: {error}.") from None
    if "checksum_name" in details and "checksum_url" not in details:
        raise InvalidImport("'checksum_name' is the file's name in the list that 'checksum_url' leads to.")


def _require_signature(details: Mapping[str, str]) -> None:
    """What is said of upstream's signature must be sound: what is signed, and whose key counts."""
    of = details.get("signature_of", _CHECKSUMS if "checksum_url" in details else _DATA)
    if not any(name.startswith("signature") for name in details):
        return
    if of not in {_DATA, _CHECKSUMS} or (of == _CHECKSUMS and "checksum_url" not in details):
        raise InvalidImport(f"'signature_of' is {_DATA}, or {_CHECKSUMS} when there is a 'checksum_url'.")
    if "signature" not in details and of == _DATA:
        raise InvalidImport(
            "'signature' is missing: the URL of upstream's signature of the data, or the signature itself."
        )
    if "signature_key" not in details and "signature_by" not in details:
        raise InvalidImport(
            "Say whose signature counts: 'signature_key' is the public key or the name of one that the operator keeps, "
            "'signature_by' its fingerprint."
        )
    for name in ("signature", "signature_key"):
        if len(details.get(name, "")) > _LONGEST_INLINE:
            raise InvalidImport(f"'{name}' has more than {_LONGEST_INLINE} characters.")
    if details.get("signature_hash", HASHES[0]) not in HASHES:
        raise InvalidImport(f"'signature_hash' is one of {', '.join(HASHES)}.")
    if len(details.get("signature_by", "")) > _LONGEST_FINGERPRINT:
        raise InvalidImport("'signature_by' is a fingerprint.")
