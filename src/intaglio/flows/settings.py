"""Where the journal of durable work is, and how much of it runs at once."""

from typing import Any

import msgspec


class FlowSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`journal` is an SQLAlchemy URL: SQLite for one machine, PostgreSQL for workers on several."""

    journal: str
    concurrency: int = 4  # flows that one worker runs at the same time; the others wait

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Without the journal, whose URL may hold a password."""
        return [("journal", "***"), ("concurrency", self.concurrency)]

    def __repr__(self) -> str:
        return f"FlowSettings(journal='***', concurrency={self.concurrency})"
