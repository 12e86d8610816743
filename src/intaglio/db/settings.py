"""The `[database]` options, typed (oslo.db's names)."""

from typing import Any

import msgspec


class DatabaseSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the database is. `connection` is an SQLAlchemy URL as in glance-api.conf; it may hold a password."""

    connection: str
    max_pool_size: int = 5
    max_overflow: int = 50
    connection_recycle_time: int = 3600  # seconds
    max_retries: int = 10  # at start, one second apart; -1: for ever

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Without the connection: settings end up in logs and tracebacks."""
        return [(name, "***" if name == "connection" else getattr(self, name)) for name in self.__struct_fields__]

    def __repr__(self) -> str:
        return f"DatabaseSettings({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"
