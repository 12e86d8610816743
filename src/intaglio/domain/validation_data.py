"""What a caller says the digests of data are that he adds by their location; each of two calls has its own form."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from intaglio.base.errors import Conflict
from intaglio.domain.digests import LENGTHS, Digest
from intaglio.domain.image import Image
from intaglio.domain.properties import InvalidValue
from intaglio.domain.status import Status

ALGORITHMS = ("sha1", "sha256", "sha512", "md5")
"""Those of the call that adds a location; the older patch takes the service's own alone."""

_PAIR = ("os_hash_algo", "os_hash_value")
_HEX = re.compile(r"[0-9a-fA-F]*")


class ValidationDataInvalid(InvalidValue):
    """The digests that a caller gives are not of the form that there is for them."""

    code = "validation-data-invalid"


class ValidationDataConflict(Conflict):
    """The digests that a caller gives are not those of the image, or cannot become so."""

    code = "validation-data-conflict"


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """The digests that the data shall have, in lower case, as far as they are said."""

    checksum: str | None = None
    os_hash_algo: str | None = None
    os_hash_value: str | None = None


def digest(value: object) -> Digest:
    """The digest in `validation_data` of the call that adds a location. Raises `ValidationDataInvalid`."""
    if (
        not isinstance(value, dict)
        or set(value) != set(_PAIR)
        or not all(isinstance(each, str) for each in value.values())
    ):
        raise ValidationDataInvalid("'validation_data' must have os_hash_algo and os_hash_value, both texts, alone.")
    algorithm, digits = value["os_hash_algo"], value["os_hash_value"]
    if algorithm not in ALGORITHMS:
        raise ValidationDataInvalid(f"'os_hash_algo' must be one of {', '.join(ALGORITHMS)}, not '{algorithm[:20]}'.")
    problem = _wrong(digits, LENGTHS[algorithm])
    if problem:
        raise ValidationDataInvalid(f"'os_hash_value' {problem}; {algorithm} has {LENGTHS[algorithm]} of them.")
    return Digest(algorithm, digits.lower())


def declared(image: Image, value: Mapping[str, Any], algorithm: str, length: int) -> Declared:
    """What `validation_data` of a patch says beside what the image has: nothing, where that is the same.

    `algorithm` is the service's own, with `length` digits. Raises `ValidationDataInvalid`, `ValidationDataConflict`.
    """
    if not set(value) <= {"checksum", *_PAIR} or not all(isinstance(each, str) for each in value.values()):
        raise ValidationDataInvalid("'validation_data' has checksum, os_hash_algo and os_hash_value, all texts.")
    if not set(_PAIR) <= set(value):
        raise ValidationDataInvalid("'validation_data' needs os_hash_algo and os_hash_value.")
    given = {name: each.lower() for name, each in value.items()}
    for name, each in given.items():
        if getattr(image, name) not in {None, "", each}:
            raise ValidationDataConflict(f"'{name}' of the image is known already, and is another one.")
    new = {name: each for name, each in given.items() if getattr(image, name) != each}
    if not new:
        return Declared()
    if image.status is not Status.QUEUED:
        raise ValidationDataConflict(f"{', '.join(new)} can be given only while the image is queued.")
    _require_digits("checksum", given.get("checksum"), LENGTHS["md5"])
    if given["os_hash_algo"] != algorithm:
        raise ValidationDataConflict(f"'os_hash_algo' must be {algorithm}, not '{given['os_hash_algo'][:20]}'.")
    _require_digits("os_hash_value", given["os_hash_value"], length)
    return Declared(**given)


def _require_digits(name: str, digits: str | None, length: int) -> None:
    problem = None if digits is None else _wrong(digits, length)
    if problem:
        raise ValidationDataConflict(f"'{name}' {problem}; it must have {length} of them.")


def _wrong(digits: str, length: int) -> str | None:
    if _HEX.fullmatch(digits) is None:
        return "holds what is no hexadecimal digit"
    return None if len(digits) == length else f"has {len(digits)} hexadecimal digits"
