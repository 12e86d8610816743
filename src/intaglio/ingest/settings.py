"""How bytes are digested on their way in, as the operator configured it (Glance's names)."""

import msgspec


class IngestSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`hashing_algorithm` is the one of `os_hash_value`: a fixed-length algorithm that hashlib has."""

    hashing_algorithm: str = "sha512"
