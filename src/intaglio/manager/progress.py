"""How far transfers are: what applies a plan tells it to one of these, and a command shows it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

Meter = Callable[[int, int | None], None]
"""Called with the bytes so far and their total, which may not be known. Any thread may call it."""


class Progress(Protocol):
    """Shows transfers and says what happens."""

    def transfer(self, what: str) -> AbstractContextManager[Meter]:
        """A transfer that begins, until the block ends."""
        ...

    def say(self, text: str) -> None:
        """One line about something that was done, or was not."""
        ...
