"""The edge: oslo.config merges files, environment and command line, once; what leaves here is typed."""

import contextlib
import logging
import os
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
from oslo_config import cfg

from intaglio.bootstrap.locate import Entry, locate
from intaglio.bootstrap.options.catalogue import Catalogue, normal
from intaglio.bootstrap.options.model import Kind, Option, State
from intaglio.bootstrap.problems import Level, Problem
from intaglio.bootstrap.sources import Sources
from intaglio.bootstrap.values import parse, shown

OWN_GROUP = "intaglio"


class Origin(StrEnum):
    """What kind of place a value came from."""

    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "environment"
    COMMAND_LINE = "command line"


class Source(msgspec.Struct, frozen=True):
    """Where a value came from. `detail` is the variable; with a file, `file` and `line` are set."""

    origin: Origin
    detail: str = ""
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        if self.origin is Origin.FILE:
            return f"{self.file}:{self.line}"
        return f"{self.origin} {self.detail}".strip()


class Value(msgspec.Struct, frozen=True):
    """One option's effective value and its source."""

    value: Any
    source: Source

    def __repr__(self) -> str:
        """Without the value, which may be a secret."""
        return f"Value(source={self.source!r})"


class Reading:
    """All sources merged, for one catalogue of options.

    `get` collects what is wrong in `problems` and goes on with the default, so that a start can name every mistake.
    """

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.files = sources.resolved()
        self.entries, unreadable = locate(self.files)
        self.problems: list[Problem] = list(unreadable)
        self._readable = not unreadable
        self._config = _merged(self.files if self._readable else ())
        self._registered: set[tuple[str, str]] = set()
        self.read: set[tuple[str, str]] = set()
        self._known: dict[tuple[str, str], Value] = {}
        self.use(Catalogue())

    def use(self, catalogue: Catalogue) -> None:
        """Read by another catalogue from now on: which groups are stores is known only after a first look."""
        self.catalogue = catalogue
        self._entries: dict[tuple[str, str], list[Entry]] = {}
        for entry in self.entries if self._readable else ():
            if found := catalogue.find(entry.group, entry.name):
                self._entries.setdefault((found[0], found[1].name), []).append(entry)
        for group, option in catalogue:
            if (group, option.name) not in self._registered:
                self._registered.add((group, option.name))
                self._config.register_opt(_plain(option, group), group=None if group == "DEFAULT" else group)

    def option(self, group: str, name: str) -> Option:
        """The definition; asking for an option that is in no table is a programming error."""
        found = self.catalogue.find(group, name)
        if found is None:
            raise KeyError(f"[{group}] {name}")
        return found[1]

    def get(self, group: str, name: str) -> Any:
        """The effective value: the default when it is not set, or set to something that is not allowed."""
        return self.look(group, name).value

    def is_set(self, group: str, name: str) -> bool:
        """Whether the operator said anything about the option."""
        return self.source(group, name).origin is not Origin.DEFAULT

    def look(self, group: str, name: str) -> Value:
        """The effective value with its source; a value that is not allowed becomes a problem, once."""
        self.read.add((group, name))
        if (group, name) not in self._known:
            option = self.option(group, name)
            source = self.source(group, name)
            try:
                value = self._typed(option, group, source)
            except ValueError:
                self.problems.append(self._refusal(option, group, source))
                value = option.default
            self._known[group, name] = Value(value, source)
        return self._known[group, name]

    def source(self, group: str, name: str) -> Source:
        """Where the effective value comes from."""
        if group == OWN_GROUP and self.sources.overrides.get(name) is not None:
            return Source(Origin.COMMAND_LINE, f"--{name.replace('_', '-')}")
        variable = f"OS_{group.upper()}__{name.upper()}"
        if variable in os.environ:
            return Source(Origin.ENVIRONMENT, variable)
        if entry := self._winner(group, name):
            return Source(Origin.FILE, "", entry.file, entry.line)
        return Source(Origin.DEFAULT)

    def complain(
        self, group: str, name: str, message: str, *, code: str = "bad-value", level: Level = Level.ERROR
    ) -> None:
        """Add a problem that stands where the option was set."""
        source = self.source(group, name)
        if source.origin not in {Origin.FILE, Origin.DEFAULT}:
            message = f"{message} (from the {source})"
        self.problems.append(
            Problem(
                level=level, code=code, message=message, file=source.file, line=source.line, group=group, option=name
            )
        )

    def _winner(self, group: str, name: str) -> Entry | None:
        """The assignment oslo.config takes: the last of the last file, but a present name before older ones."""
        entries = self._entries.get((group, name), [])
        last = [entry for entry in entries if entry.file == entries[-1].file]
        present = [entry for entry in last if entry.name == name and normal(entry.group) == normal(group)]
        return next(reversed(present or last), None)

    def _typed(self, option: Option, group: str, source: Source) -> Any:
        if source.origin is Origin.DEFAULT:
            return option.default
        if source.origin is Origin.COMMAND_LINE:
            return parse(option, str(self.sources.overrides[option.name]))
        text = self._raw(group, option.name)
        if option.kind is Kind.MULTI:
            return tuple(item for one in text for item in parse(option, one))
        return parse(option, text)

    def _raw(self, group: str, name: str) -> Any:
        """The text after `$name` was replaced by other options' values, as oslo.config does it."""
        with _quiet():
            try:
                return self._config[name] if group == "DEFAULT" else self._config[group][name]
            except (cfg.Error, RecursionError) as error:
                raise ValueError from error

    def _refusal(self, option: Option, group: str, source: Source) -> Problem:
        found = self._written(option, group, source)
        said = "The value" if option.secret else f"The value {shown(option, found)!r}"
        level = Level.ERROR if option.state is State.USED else Level.WARNING
        hint = ""
        if "$" in found:
            hint = " ($ stands before the name of another option here; write $$ for the character)"
        where = "" if source.file else f" (from the {source})"
        return Problem(
            level=level,
            code="bad-value",
            message=f"{said}{where} is not allowed: it must be {option.allowed}{hint}.",
            file=source.file,
            line=source.line,
            group=group,
            option=option.name,
        )

    def _written(self, option: Option, group: str, source: Source) -> str:
        if source.origin is Origin.COMMAND_LINE:
            return str(self.sources.overrides[option.name])
        if source.origin is Origin.ENVIRONMENT:
            return os.environ[source.detail]
        entry = self._winner(group, option.name)
        return entry.value if entry else ""


def _merged(files: Sequence[Path]) -> cfg.ConfigOpts:
    config = cfg.ConfigOpts()
    arguments = [word for file in files for word in ("--config-file", str(file))]
    config(arguments, project="intaglio", default_config_files=[], default_config_dirs=[])
    return config


def _plain(option: Option, group: str) -> cfg.Opt:
    """The option as oslo.config sees it: only text. Types are ours, for messages that say what is allowed."""
    older = [cfg.DeprecatedOpt(name, group=where or group) for where, name in option.aliases]
    make = cfg.MultiStrOpt if option.kind is Kind.MULTI else cfg.StrOpt
    return make(option.name, default=_default_text(option), deprecated_opts=older)


def _default_text(option: Option) -> Any:
    """A default as text, for those values that mention it as `$name`."""
    if option.default is None:
        return None
    if option.kind is Kind.MULTI:
        return list(option.default)
    return shown(option, option.default) if not option.secret else str(option.default)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """oslo.config logs older names as deprecated; `check` tells that with file and line."""
    logger = logging.getLogger("oslo_config.cfg")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
