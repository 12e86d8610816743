"""What can be wrong with a configuration, as values; and the error that a start ends with."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from intaglio.base.errors import Invalid


class Level(StrEnum):
    """Whether the service can start all the same."""

    ERROR = "error"
    WARNING = "warning"


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong. No text in it is a secret."""

    level: Level
    code: str
    message: str
    file: str | None = None
    line: int | None = None
    group: str | None = None
    option: str | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.line is not None else f"{self.file}: " if self.file else ""
        name = f"[{self.group}] {self.option}: " if self.option else f"[{self.group}]: " if self.group else ""
        return place + name + self.message


class ConfigInvalid(Invalid):
    """The configuration cannot be used; the text names each reason on a line of its own."""

    code = "config-invalid"

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)
