"""How bytes are digested, on their way in and where they lie already, as the operator says (Glance's names)."""

import msgspec


class IngestSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`hashing_algorithm` is the one of `os_hash_value`: a fixed-length algorithm that hashlib has."""

    hashing_algorithm: str = "sha512"
    do_secure_hash: bool = True  # what is added by its location is read and digested
    http_retries: int = 3  # attempts at that
