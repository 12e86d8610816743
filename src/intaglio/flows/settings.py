"""Where the journal of durable work is, and how much of it runs at once."""

import msgspec


class FlowSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`journal` is an SQLAlchemy URL: SQLite for one machine, PostgreSQL for workers on several."""

    journal: str
    concurrency: int = 4  # flows that one worker runs at the same time; the others wait
