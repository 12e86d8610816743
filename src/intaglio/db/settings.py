"""The `[database]` options, typed (oslo.db's names)."""

import msgspec


class DatabaseSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the database is. `connection` is an SQLAlchemy URL as in glance-api.conf; it may hold a password."""

    connection: str
    max_pool_size: int = 5
    max_overflow: int = 50
    connection_recycle_time: int = 3600  # seconds
    max_retries: int = 10  # at start, one second apart; -1: for ever
