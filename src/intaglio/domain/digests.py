"""Digests as upstreams and definitions write them: `algorithm:hex`, or bare."""

import hashlib
import re
from typing import Any

import msgspec

from intaglio.base.errors import Invalid

LENGTHS = {"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}
QUICK = "blake3"
"""The digest that only this service compares: as hard to forge as SHA-256, and some five times as quick as SHA-512."""
_BY_LENGTH = {length: name for name, length in LENGTHS.items()}


class DigestInvalid(Invalid):
    """A checksum is not one: its algorithm is unknown, or its length is that of another."""

    code = "digest-invalid"


class Digest(msgspec.Struct, frozen=True):
    """A digest of a whole file; `hex` is in lower case."""

    algorithm: str
    hex: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"

    def start(self) -> Any:
        """A running digest of this algorithm."""
        return hashlib.new(self.algorithm, usedforsecurity=False)


def parse(text: str) -> Digest:
    """`sha256:…`, or the hexadecimal digits alone when their number tells the algorithm. Raises `DigestInvalid`."""
    name, colon, digits = text.strip().rpartition(":")
    digits = digits.strip().lower()
    name = name.strip().lower().replace("-", "") if colon else _BY_LENGTH.get(len(digits), "")
    if not re.fullmatch(r"[0-9a-f]+", digits):
        raise DigestInvalid(f"'{text[:150]}' is not a checksum; write for example sha256: and 64 hexadecimal digits")
    if name not in LENGTHS:
        known = ", ".join(LENGTHS)
        raise DigestInvalid(f"'{name or text[:20]}' is no algorithm known here; it is one of {known}")
    if len(digits) != LENGTHS[name]:
        really = _BY_LENGTH.get(len(digits))
        hint = f", which is {really}" if really else ""
        raise DigestInvalid(f"{name} has {LENGTHS[name]} hexadecimal digits, and this one {len(digits)}{hint}")
    return Digest(name, digits)
