"""The `[database]` options, typed (oslo.db's names)."""

from typing import Any

import msgspec

_SECRET = {"connection", "metadata_encryption_key"}


class DatabaseSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the database is. `connection` is an SQLAlchemy URL as in glance-api.conf; it may hold a password.

    With `metadata_encryption_key`, of 16, 24 or 32 bytes, the URLs of locations are written enciphered.
    """

    connection: str
    max_pool_size: int = 5
    max_overflow: int = 50
    connection_recycle_time: int = 3600  # seconds
    max_retries: int = 10  # at start, one second apart; -1: for ever
    metadata_encryption_key: str | None = None

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Without what is secret: settings end up in logs and tracebacks."""
        return [(name, "***" if name in _SECRET else getattr(self, name)) for name in self.__struct_fields__]

    def __repr__(self) -> str:
        return f"DatabaseSettings({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"
