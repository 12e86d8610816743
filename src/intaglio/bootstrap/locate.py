"""Which option stands where: every assignment of the operator's files with its file and line.

oslo.config knows the file of a value but not the line, and drops what nobody asks for; so the same files are read a
second time here, with its own line parser.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import msgspec
from oslo_config import iniparser

from intaglio.bootstrap.problems import Level, Problem


class Entry(msgspec.Struct, frozen=True):
    """One assignment. `value` is as written: it may be a secret."""

    file: str
    line: int
    group: str
    name: str
    value: str


class _Refused(Exception):
    """Carries what is wrong, never the line itself, which may hold a password."""


class _Parser(iniparser.BaseParser):
    def __init__(self, file: str) -> None:
        super().__init__()
        self.file = file
        self.entries: list[Entry] = []
        self._group: str | None = None
        self._begins = 0

    def new_section(self, section: str) -> None:
        self._group = section

    def _split_key_value(self, line: str) -> tuple[str, list[str]]:
        self._begins = self.lineno  # the value may go on in later lines
        return super()._split_key_value(line)

    def assignment(self, key: str, value: list[str]) -> None:
        if self._group is None:
            raise _Refused("a value stands before the first [group]")
        self.entries.append(Entry(self.file, self._begins, self._group, key, "\n".join(value)))

    def error_invalid_assignment(self, line: str) -> NoReturn:  # noqa: ARG002 - never shown
        raise _Refused("a line is neither [group], name = value, nor a comment")

    def error_empty_key(self, line: str) -> NoReturn:  # noqa: ARG002 - never shown
        raise _Refused("a value has no name before the =")

    def error_unexpected_continuation(self, line: str) -> NoReturn:  # noqa: ARG002 - never shown
        raise _Refused("an indented line continues a value, but there is none before it")

    def error_no_section_end_bracket(self, line: str) -> NoReturn:  # noqa: ARG002 - never shown
        raise _Refused("a [group] has no closing bracket")

    def error_no_section_name(self, line: str) -> NoReturn:  # noqa: ARG002 - never shown
        raise _Refused("a [group] has no name")


def locate(files: Sequence[Path]) -> tuple[tuple[Entry, ...], tuple[Problem, ...]]:
    """All assignments in the order read, and what kept a file from being read."""
    entries: list[Entry] = []
    problems: list[Problem] = []
    for file in files:
        parser = _Parser(str(file))
        try:
            with file.open(encoding="utf-8") as lines:
                parser.parse(lines)
        except _Refused as refused:
            problems.append(_broken(f"cannot be read: {refused}", file, parser.lineno))
        except UnicodeDecodeError:
            problems.append(_broken("is not UTF-8 text", file, None))
        except OSError as error:
            problems.append(_broken(f"cannot be read: {error.strerror}", file, None))
        entries.extend(parser.entries)
    return tuple(entries), tuple(problems)


def _broken(what: str, file: Path, line: int | None) -> Problem:
    return Problem(level=Level.ERROR, code="unreadable-file", message=f"The file {what}.", file=str(file), line=line)
