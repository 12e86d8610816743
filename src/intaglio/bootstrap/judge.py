"""Every option in the operator's files, judged: used, not yet, obsolete, or unknown; and what a start warns of."""

import difflib
import os
from collections.abc import Iterator
from enum import StrEnum

import msgspec

from intaglio.bootstrap.locate import Entry
from intaglio.bootstrap.options.catalogue import normal
from intaglio.bootstrap.options.model import Option
from intaglio.bootstrap.options.stores import RESERVED_PREFIX
from intaglio.bootstrap.problems import Level, Problem
from intaglio.bootstrap.reading import Reading
from intaglio.bootstrap.values import shown

_SAMPLE_GROUPS = ("glance.store.",)  # the generated sample file describes drivers in groups that nothing reads


class Verdict(StrEnum):
    """What an option in a file is to this release."""

    USED = "used"
    NOT_YET = "not-yet"
    OBSOLETE = "obsolete"
    UNKNOWN = "unknown"


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """One option of a file. `value` is None for a secret, and for an option that is unknown: it might be one."""

    file: str
    line: int
    group: str
    option: str
    verdict: Verdict
    value: str | None = None
    note: str = ""


def judge(reading: Reading, entry: Entry) -> Checked:
    """What the service makes of one assignment."""
    found = reading.catalogue.find(entry.group, entry.name)
    if found is None:
        verdict, note, value = _unlisted(reading, entry)
    else:
        group, option = found
        verdict, value = Verdict(option.state.value), _visible(option, entry)
        note = _note(group, option, entry)
    return Checked(
        file=entry.file, line=entry.line, group=entry.group, option=entry.name, verdict=verdict, value=value, note=note
    )


def checked(reading: Reading) -> tuple[Checked, ...]:
    """All options of all files, in the order read."""
    return tuple(judge(reading, entry) for entry in reading.entries)


def warnings(reading: Reading) -> Iterator[Problem]:
    """What a start says about the operator's files, beside `reading.problems`."""
    rows = checked(reading)
    for row in rows:
        if row.verdict is Verdict.UNKNOWN:
            yield _problem(row, Level.WARNING, "unknown-option", row.note)
    for verdict, words in ((Verdict.NOT_YET, "have no effect yet"), (Verdict.OBSOLETE, "are obsolete")):
        names = dict.fromkeys(
            f"[{row.group}] {row.option}" for row in rows if row.verdict is verdict and not _as_default(reading, row)
        )
        if names:
            message = f"Options that {words} ('intaglio config check' explains each): {', '.join(names)}"
            yield Problem(level=Level.WARNING, code=f"{verdict}-options", message=message)
    yield from _unknown_variables(reading)


def _as_default(reading: Reading, row: Checked) -> bool:
    """Whether an option that is not used yet is set to what happens anyway."""
    found = reading.catalogue.find(row.group, row.option)
    if found is None or row.verdict is not Verdict.NOT_YET:
        return False
    group, option = found
    return bool(reading.get(group, option.name) == option.default)


def _visible(option: Option, entry: Entry) -> str | None:
    text = shown(option, entry.value)
    return None if text == "***" else text


def _note(group: str, option: Option, entry: Entry) -> str:
    if entry.name != option.name or normal(entry.group) != normal(group):
        spelt_only = entry.name.replace("-", "_") == option.name and normal(entry.group) == normal(group)
        older = "" if spelt_only else f"Older name of [{group}] {option.name}. "
        return older + option.note
    return option.note


def _unlisted(reading: Reading, entry: Entry) -> tuple[Verdict, str, None]:
    if entry.group.startswith(_SAMPLE_GROUPS):
        return (
            Verdict.OBSOLETE,
            "A group of the sample file that nothing reads: use the group named by the store's id.",
            None,
        )
    names = reading.catalogue.names(entry.group)
    if names:
        return Verdict.UNKNOWN, f"There is no such option in this group.{_nearest(entry.name, names)}", None
    if entry.group.startswith(RESERVED_PREFIX):
        return (
            Verdict.UNKNOWN,
            f"There is no such reserved store.{_nearest(entry.group, reading.catalogue.groups())}",
            None,
        )
    hint = _nearest(entry.group, reading.catalogue.groups())
    return Verdict.UNKNOWN, f"There is no such group, and enabled_backends names no such store.{hint}", None


def _nearest(name: str, names: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name.lower().replace("-", "_"), names, n=1, cutoff=0.7)
    return f" Did you mean {near[0]}?" if near else ""


def _problem(row: Checked, level: Level, code: str, message: str) -> Problem:
    return Problem(
        level=level, code=code, message=message, file=row.file, line=row.line, group=row.group, option=row.option
    )


def _unknown_variables(reading: Reading) -> Iterator[Problem]:
    """Only variables that name a known group: OS_ also begins other programs' variables."""
    groups = {group.upper(): group for group in reading.catalogue.groups()}
    for variable in sorted(os.environ):
        head, separator, name = variable.removeprefix("OS_").partition("__")
        if not (variable.startswith("OS_") and separator and head in groups):
            continue
        names = reading.catalogue.names(groups[head])
        if name.lower() not in names:
            message = f"The environment variable {variable} names no option.{_nearest(name, names)}"
            yield Problem(level=Level.WARNING, code="unknown-variable", message=message)
